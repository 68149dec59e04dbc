import { createHash, randomBytes, scryptSync } from 'node:crypto';
import { basename, dirname, resolve } from 'node:path';
import { z } from 'zod';
import { Fail } from '../core/fail.ts';
import type { Facts } from '../host/facts/probe.ts';
import type { Profile } from '../profile/profile.ts';
import { type Basis, basisOf, digestOfBasis } from '../resources/basis.ts';
import type { Change, Content, HostPlan, Step } from '../resources/change.ts';

/**
 * A plan as a file: what `berth plan -o` writes and `berth apply` carries out. Plain data: texts are in it, programs by
 * their digest, secrets by a digest that is slow to guess from. docs/cli.md describes the form.
 */
export interface SavedPlan {
  readonly apiVersion: 'berth.dev/v1';
  readonly kind: 'Plan';
  readonly version: 1;
  /** Version of the berth that made it; the same one carries it out. */
  readonly berth: string;
  readonly madeAt: string;
  readonly profile: {
    readonly file: string;
    readonly overlays: readonly string[];
    readonly set: readonly string[];
    readonly digest: string;
  };
  /** The tags that it was made for; undefined: everything. */
  readonly tags?: readonly string[] | undefined;
  /** For the digests of secrets. */
  readonly salt: string;
  readonly hosts: readonly SavedHost[];
}

export interface SavedHost {
  readonly host: string;
  /** Of `basis`: what the plan was decided from. */
  readonly facts: string;
  readonly basis: Basis;
  readonly changes: readonly SavedChange[];
  readonly notes: readonly string[];
}

export type SavedChange = Omit<Change, 'steps'> & { readonly steps: readonly SavedStep[] };

/** A step with content, as `write` is one: what it brings to the host is saved in its own form. */
type Bringing = Extract<Step, { readonly content: Content }>;

type Saved<S extends Bringing> = S extends Bringing
  ? Omit<S, 'content'> & { readonly content: SavedContent }
  : never;

export type SavedStep = Exclude<Step, Bringing> | Saved<Bringing>;

export type SavedContent =
  | { readonly kind: 'text'; readonly text: string }
  /** A program that the control machine makes or fetches again; the digest decides whether it is the same. */
  | { readonly kind: 'artifact'; readonly name: string; readonly sha256: string; readonly bytes: number }
  | { readonly kind: 'secret'; readonly digest: string };

const version = 1;

/** scrypt(7914): 16 MiB and some 50 ms for each guess. */
const seal =
  (salt: string) =>
  (text: string): string =>
    scryptSync(text, Buffer.from(salt, 'hex'), 32, { N: 2 ** 14, r: 8, p: 1 }).toString('hex');

export interface PlannedHost {
  readonly facts: Facts;
  readonly plan: HostPlan;
}

export interface MadeBy {
  readonly profile: Profile;
  readonly berth: string;
  readonly tags: readonly string[] | undefined;
  readonly now: Date;
}

export function savePlan(planned: Iterable<PlannedHost>, made: MadeBy): SavedPlan {
  const salt = randomBytes(16).toString('hex');
  const { profile, tags } = made;
  return {
    apiVersion: 'berth.dev/v1',
    kind: 'Plan',
    version,
    berth: made.berth,
    madeAt: made.now.toISOString(),
    profile: {
      file: profile.file,
      overlays: profile.sources.files.flatMap(({ role, file }) => (role === 'overlay' ? [file] : [])),
      set: profile.sources.set,
      digest: digestOfProfile(profile),
    },
    ...(tags === undefined ? {} : { tags }),
    salt,
    hosts: [...planned].map(({ facts, plan }) => {
      const basis = basisOf(facts, seal(salt));
      const changes = plan.changes.map((change) => saveChange(change, seal(salt)));
      return { host: plan.host, facts: digestOfBasis(basis), basis, changes, notes: plan.notes };
    }),
  };
}

const saveChange = (change: Change, sealed: (text: string) => string): SavedChange => ({
  ...change,
  steps: change.steps.map((step) =>
    'content' in step ? { ...step, content: saveContent(step.path, step.content, sealed) } : step,
  ),
});

function saveContent(path: string, content: Content, sealed: (text: string) => string): SavedContent {
  if (content.kind === 'local-file') {
    const { sha256, bytes } = content;
    return { kind: 'artifact', name: basename(path), sha256, bytes };
  }
  return content.kind === 'secret' ? { kind: 'secret', digest: sealed(content.text.reveal()) } : content;
}

export const basisFor = ({ salt }: SavedPlan, facts: Facts): Basis => basisOf(facts, seal(salt));

/**
 * The change as it can be carried out. `contents` are those that the same change would write today: programs are found
 * among them by digest, secrets are taken from there, and both these and texts must be what they were.
 * @throws Fail `ChecksumMismatch` or `HostMoved`
 */
export function openChange(
  saved: SavedChange,
  { salt }: SavedPlan,
  contents: ReadonlyMap<string, Content>,
): Change {
  const open = (path: string, content: SavedContent): Content => {
    const now = contents.get(path);
    if (content.kind === 'text') {
      if (now?.kind !== 'text' || now.text !== content.text) throw otherText(path);
      return content;
    }
    if (content.kind === 'artifact') {
      const found = [...contents.values()].find(
        (each) => each.kind === 'local-file' && each.sha256 === content.sha256,
      );
      if (found === undefined) throw otherArtifact(path, content.sha256);
      return found;
    }
    if (now?.kind !== 'secret' || seal(salt)(now.text.reveal()) !== content.digest) throw otherSecret(path);
    return now;
  };
  return {
    ...saved,
    steps: saved.steps.map(
      (step): Step => ('content' in step ? { ...step, content: open(step.path, step.content) } : step),
    ),
  };
}

const otherArtifact = (path: string, sha256: string): Fail =>
  new Fail(
    'ChecksumMismatch',
    `the plan brings ${path} with sha256 ${sha256}, which this machine does not have`,
    {
      hint: 'Another berth or another source of artifacts made it: plan again here.',
      context: { path, sha256 },
    },
  );

const otherText = (path: string): Fail =>
  new Fail('HostMoved', `what ${path} would be today is not what was planned`, {
    hint: 'A template changed: plan again.',
    context: { path },
  });

const otherSecret = (path: string): Fail =>
  new Fail('HostMoved', `the secret content of ${path} is not the one that was planned`, {
    hint: 'A secret of the profile changed: plan again.',
    context: { path },
  });

/** What the hosts are to be and how they are reached, wherever the checkout lies. Secrets are in it by their sources. */
export function digestOfProfile({ file, hosts }: Profile): string {
  const folder = dirname(resolve(file));
  const text = JSON.stringify(hosts).replaceAll(JSON.stringify(folder).slice(1, -1), '.');
  return createHash('sha256').update(text).digest('hex');
}

/** Told by content, whatever the file is called. A damaged plan still begins like one. */
export const looksLikePlan = (text: string): boolean =>
  /^\s*\{\s*"apiVersion":\s*"berth\.dev\/v1",\s*"kind":\s*"Plan"/.test(text);

/** `sha256` guards against damage, not against people: who may write the file may also plan. */
export const planFileText = (plan: SavedPlan): string =>
  `${JSON.stringify({ ...plan, sha256: digestOfPlan(plan) }, undefined, 2)}\n`;

const digestOfPlan = (plan: object): string =>
  createHash('sha256').update(JSON.stringify(plan)).digest('hex');

const envelope = z.looseObject({ version: z.int(), berth: z.string() });
const steps = z.array(z.looseObject({ kind: z.enum(['write', 'link', 'delete', 'copy', 'stage', 'run']) }));
const form = z.looseObject({
  madeAt: z.iso.datetime(),
  profile: z.strictObject({
    file: z.string(),
    overlays: z.array(z.string()),
    set: z.array(z.string()),
    digest: z.string(),
  }),
  tags: z.array(z.string()).optional(),
  salt: z.string().regex(/^[0-9a-f]{32}$/),
  hosts: z.array(
    z.strictObject({
      host: z.string(),
      facts: z.string(),
      basis: z.record(z.string(), z.string()),
      changes: z.array(z.looseObject({ id: z.string(), action: z.string(), summary: z.string(), steps })),
      notes: z.array(z.string()),
    }),
  ),
});

/**
 * Reads a saved plan.
 * @throws Fail `BadUsage`: damaged, or made by another berth
 */
export function parsePlanFile(text: string, file: string, berth: string): SavedPlan {
  const { sha256, ...plan } = objectOf(text, file);
  const head = envelope.safeParse(plan);
  if (!head.success) throw damaged(file, 'it does not say which berth made it');
  if (head.data.version !== version)
    throw new Fail(
      'BadUsage',
      `${file} is a plan of version ${head.data.version}; this berth knows version ${version}`,
      {
        hint: `Apply it with berth ${head.data.berth}, or plan again with this one.`,
      },
    );
  if (head.data.berth !== berth)
    throw new Fail('BadUsage', `${file} was made by berth ${head.data.berth}; this is berth ${berth}`, {
      hint: 'The same berth must carry a plan out that made it: plan again, and look at it again.',
    });
  if (sha256 !== digestOfPlan(plan)) throw damaged(file, 'its digest is not that of its content');
  const parsed = form.safeParse(plan);
  if (!parsed.success) throw damaged(file, z.prettifyError(parsed.error));
  // What a berth of this very version wrote, and nobody changed since: the digest says so.
  return plan as unknown as SavedPlan;
}

function objectOf(text: string, file: string): Record<string, unknown> {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw damaged(file, cause instanceof Error ? cause.message : String(cause));
  }
}

const damaged = (file: string, why: string): Fail =>
  new Fail('BadUsage', `${file} is a damaged plan: ${why}`, {
    hint: 'Plan again with: berth plan FILE -o PLAN',
  });
