import type { Check, Emit } from '../../core/events.ts';
import { CommandFailed, Fail, type FailCode } from '../../core/fail.ts';
import { type Facts, probe } from '../../host/facts/probe.ts';
import type { Connection } from '../../host/transport/connection.ts';
import type { Given } from '../../node/concern.ts';
import { planNode, probeRequest } from '../../node/node.ts';
import { suppliesOn } from '../../node/supplies-on-host.ts';
import { loadTemplates } from '../../node/templates.ts';
import type { Spec } from '../../profile/profile.ts';
import type { Change } from '../../resources/change.ts';
import type { Sighting } from '../survey.ts';

const tellOf = ({ summary, reason }: Change): string =>
  reason === undefined ? summary : `${summary} (${reason})`;

/** About what runs, not about what lies there. */
const concernsServices = ({ action }: Change): boolean => action === 'start' || action === 'restart';

type Verdict = Pick<Check, 'ok' | 'detail' | 'notRun' | 'evidence' | 'remedy'>;

const remedy = 'see all of it with: berth plan; put it right with: berth apply';

const verdictOn = (changes: readonly Change[], green: string): Verdict => {
  if (changes.length === 0) return { ok: true, detail: green };
  return {
    ok: false,
    detail: changes.map(tellOf).join('; '),
    evidence: changes.flatMap((change) =>
      change.diff === undefined ? [] : [{ title: change.id, text: change.diff }],
    ),
    remedy,
  };
};

const judged = (facts: Facts, changes: readonly Change[]): readonly [Verdict, Verdict] => [
  verdictOn(
    changes.filter((change) => !concernsServices(change)),
    `${facts.install.applied.size} files, kernel, packages`,
  ),
  verdictOn(changes.filter(concernsServices), 'all run what lies there, and were started after it'),
];

/** What the host keeps of the profile's secrets is compared too. */
type Secrets = NonNullable<Given['secrets']>;

/** What was seen longer ago is looked at again. */
const freshMs = 60_000;

/**
 * A look of the apply in which nothing was left to do, be it before its changes or after them, was closer than one can be
 * here, programs and all. One that was for some tags says nothing of the rest.
 */
const settledFacts = (seen: Sighting | undefined): Facts | undefined => {
  if (seen === undefined || seen.plan.changes.length > 0 || seen.facts.install.applied.size === 0) return;
  if (seen.plan.otherTags !== undefined) return;
  return performance.now() - seen.at < freshMs ? seen.facts : undefined;
};

interface Looking {
  readonly secrets: Secrets;
  readonly signal: AbortSignal;
  /** What the host was seen to be just now. */
  readonly seen?: Sighting | undefined;
}

const look = async (
  connection: Connection,
  spec: Spec,
  { secrets, signal, seen }: Looking,
): Promise<readonly [Verdict, Verdict]> => {
  const settled = settledFacts(seen);
  if (settled !== undefined) return judged(settled, []);
  const render = await loadTemplates(spec.templates);
  const facts = await probe(connection, probeRequest(spec, render), signal);
  const notRun = (detail: string): Verdict => ({ ok: false, notRun: true, detail: `not run: ${detail}` });
  if (facts.install.applied.size === 0) {
    const untouched = notRun('berth has applied nothing on this host');
    return [untouched, untouched];
  }
  const supplies = suppliesOn(spec, facts);
  if (supplies === undefined)
    return [
      { ok: false, detail: 'there is no current release, or a program of the profile is missing', remedy },
      notRun('it needs config.rendered'),
    ];
  return judged(facts, planNode({ host: connection.host, spec, facts, supplies, render, secrets }).changes);
};

/** Errors that tell something of the host, and do not end its examination. */
const tellingCodes: readonly FailCode[] = ['CommandFailed', 'HostMoved', 'Unsupported'];

const lookOrSay = async (...asked: Parameters<typeof look>): Promise<readonly [Verdict, Verdict]> => {
  try {
    return await look(...asked);
  } catch (error) {
    if (!(error instanceof Fail) || !tellingCodes.includes(error.code)) throw error;
    const text = error instanceof CommandFailed ? error.stderr : '';
    return [
      {
        ok: false,
        detail: error.message,
        evidence: text.trim() === '' ? [] : [{ title: 'what it complained', text }],
        ...(error.hint === undefined ? {} : { remedy: error.hint }),
      },
      { ok: false, notRun: true, detail: 'not run: it needs config.rendered' },
    ];
  }
};

/**
 * Whether the host has what the profile renders, and whether its services run with that: the plan of an apply, which
 * must be empty. One command on the host, or none where an apply has just looked.
 */
export const asRendered = async (
  connection: Connection,
  spec: Spec,
  { emit, ...looking }: Looking & { readonly emit: Emit },
): Promise<readonly Check[]> => {
  const started = performance.now();
  const [rendered, services] = await lookOrSay(connection, spec, looking);
  const milliseconds = performance.now() - started;
  const checks: readonly Check[] = [
    { id: 'config.rendered', title: 'as the profile says', grade: 'smoke', milliseconds, ...rendered },
    { id: 'config.services', title: 'services run with it', grade: 'smoke', milliseconds: 0, ...services },
  ];
  for (const check of checks) emit({ kind: 'checked', host: connection.host, check });
  return checks;
};
