import { type Check, isRed, type Verification } from '../core/events.ts';
import type { Connection } from '../host/transport/connection.ts';
import type { HostEntry, Spec } from '../profile/profile.ts';
import type { FlowContext } from './context.ts';
import { type HostResults, onHosts } from './on-hosts.ts';
import { readSecrets } from './read-secrets.ts';
import type { Sighting } from './survey.ts';
import { asRendered } from './verify/as-rendered.ts';
import { conformance } from './verify/critest.ts';
import { type ImageServer, makeImageServer } from './verify/image-server.ts';
import { throughReboot } from './verify/reboot.ts';
import { levelsOf, verifyHost } from './verify/verify-host.ts';

/** Longer than every step's own deadline together on a host that answers; a host that stalls is given up then. */
const deadlineMinutes = { smoke: 10, node: 10, full: 40 } as const;

/** Making the image can take a while the first time: it is a step that can be seen. */
const offerImage = async <Offer>(
  host: HostEntry,
  { emit }: FlowContext,
  offer: () => Promise<Offer>,
): Promise<Offer> => {
  const { imageSource, level } = host.spec.verify;
  if (imageSource !== 'embedded' || level === 'smoke') return await offer();
  const step = { host: host.name, phase: 'verify', id: 'image' } as const;
  const started = performance.now();
  emit({ kind: 'step-started', ...step, title: 'serve the redis image' });
  let failed = true;
  try {
    const offered = await offer();
    failed = false;
    return offered;
  } finally {
    emit({ kind: 'step-ended', ...step, milliseconds: performance.now() - started, failed });
  }
};

const grades: readonly (Check['grade'] | undefined)[] = ['smoke', 'node', 'full', 'reboot'];

/** Some checks are done beside others: the list has them by grade, and within one by the part that they belong to. */
const listed = (checks: readonly Check[]): readonly Check[] => {
  const parts = [...new Set(checks.map(partOf))];
  return checks.toSorted(
    (a, b) =>
      grades.indexOf(a.grade) - grades.indexOf(b.grade) ||
      parts.indexOf(partOf(a)) - parts.indexOf(partOf(b)),
  );
};

const partOf = ({ id }: Check): string => id.split('.')[0] ?? id;

/** Level full alone, and only where containers run at all. */
const conformanceOf = async (
  host: HostEntry,
  connection: Connection,
  before: readonly Check[],
  options: Parameters<typeof conformance>[2],
): Promise<readonly Check[]> => {
  if (host.spec.verify.level !== 'full') return [];
  if (before.some((check) => check.id.startsWith('redis.') && isRed(check))) return [];
  const checks = await conformance(connection, host.spec, options);
  for (const check of checks) options.emit({ kind: 'checked', host: host.name, check });
  return checks;
};

/** The checks of the host's level; its image is there for as long as they take. */
const examined = async (
  host: HostEntry,
  context: FlowContext,
  images: ImageServer,
  connection: Connection,
  { compared, ...looking }: Parameters<typeof asRendered>[2] & { readonly compared: boolean },
): Promise<readonly Check[]> => {
  const image = await offerImage(host, context, () =>
    images.offerTo(host, connection, {
      signal: looking.signal,
      arch: looking.seen?.facts.system.arch,
    }),
  );
  try {
    // Neither waits for the other, nor changes what the other looks at.
    const lists = await Promise.all([
      verifyHost(connection, host.spec, looking),
      compared ? asRendered(connection, host.spec, looking) : [],
    ]);
    const checks = lists.flat();
    return [...checks, ...(await conformanceOf(host, connection, checks, looking))];
  } finally {
    await image.close();
  }
};

/** The checks of level smoke again, over a new connection to the next boot of the host. */
const rebooted = (
  host: HostEntry,
  { reconnect }: FlowContext,
  connection: Connection,
  { emit, signal, secrets }: Parameters<typeof asRendered>[2],
): Promise<readonly Check[]> => {
  const spec: Spec = { ...host.spec, verify: { ...host.spec.verify, level: 'smoke' } };
  return throughReboot(host, connection, { reconnect, emit, signal }, async (back, emitAfter) => [
    ...(await verifyHost(back, spec, { emit: emitAfter, signal })),
    ...(await asRendered(back, spec, { emit: emitAfter, signal, secrets })),
  ]);
};

const verifyOne = async (
  host: HostEntry,
  context: FlowContext,
  images: ImageServer,
  { compared = true, reboot = false, seen }: VerifyOptions,
): Promise<Verification> => {
  const { emit } = context;
  const connection = await context.connect(host);
  const signal = AbortSignal.any([
    context.signal,
    AbortSignal.timeout((deadlineMinutes[host.spec.verify.level] + (reboot ? 20 : 0)) * 60_000),
  ]);
  const grades = [...levelsOf(host.spec), ...(reboot ? (['reboot'] as const) : [])];
  const started = performance.now();
  emit({ kind: 'phase-started', host: host.name, phase: 'verify', grades });
  const ended = (failed: boolean): number => {
    const milliseconds = performance.now() - started;
    emit({ kind: 'phase-ended', host: host.name, phase: 'verify', milliseconds, failed });
    return milliseconds;
  };
  try {
    const secrets = await readSecrets(context, host);
    const looking = { emit, signal, secrets };
    const checks = [
      ...(await examined(host, context, images, connection, {
        ...looking,
        compared,
        seen: seen?.get(host.name),
      })),
      ...(reboot ? await rebooted(host, context, connection, looking) : []),
    ];
    return { checks: listed(checks), milliseconds: ended(checks.some(isRed)) };
  } catch (error) {
    ended(true);
    throw error;
  }
};

export interface VerifyOptions {
  /** Whether the files are what this berth would write today; on a host that went back they need not be. Default: yes. */
  readonly compared?: boolean;
  /** Reboot each host after its checks, and look what has survived. */
  readonly reboot?: boolean;
  /** What was seen of hosts just now: what they are is not asked again. */
  readonly seen?: ReadonlyMap<string, Sighting>;
}

/**
 * Proves hosts with crictl, and tells each check as it is done. A red check is a result and no failure: failures are hosts
 * that could not be examined.
 */
export const verifyHosts = async (
  context: FlowContext,
  options: VerifyOptions = {},
): Promise<HostResults<Verification>> => {
  await using images = makeImageServer(context);
  return await onHosts(context, context.hosts, (host) => verifyOne(host, context, images, options));
};
