import { type Check, isRed } from '../core/events.ts';
import type { HostEntry } from '../profile/profile.ts';
import type { FlowContext } from './context.ts';
import { type HostResults, onHosts } from './on-hosts.ts';
import { readSecrets } from './read-secrets.ts';
import { asRendered } from './verify/as-rendered.ts';
import { type ImageServer, makeImageServer } from './verify/image-server.ts';
import { verifyHost } from './verify/verify-host.ts';

/** Longer than every step's own deadline together on a host that answers; a host that stalls is given up then. */
const deadlineMinutes = 10;

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

const verifyOne = async (
  host: HostEntry,
  context: FlowContext,
  images: ImageServer,
): Promise<readonly Check[]> => {
  const { emit } = context;
  const connection = await context.connect(host);
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(deadlineMinutes * 60_000)]);
  const started = performance.now();
  emit({ kind: 'phase-started', host: host.name, phase: 'verify' });
  let failed = true;
  try {
    const image = await offerImage(host, context, () => images.offerTo(host, connection, signal));
    try {
      const secrets = await readSecrets(context, host);
      // Neither waits for the other, nor changes what the other looks at.
      const lists = await Promise.all([
        verifyHost(connection, host.spec, { emit, signal }),
        asRendered(connection, host.spec, { emit, signal, secrets }),
      ]);
      const checks = listed(lists.flat());
      failed = checks.some(isRed);
      return checks;
    } finally {
      await image.close();
    }
  } finally {
    emit({
      kind: 'phase-ended',
      host: host.name,
      phase: 'verify',
      milliseconds: performance.now() - started,
      failed,
    });
  }
};

/**
 * Proves hosts with crictl and tells each check as it is done. A red check is a result and no failure: failures are
 * hosts that could not be examined.
 */
export const verifyHosts = async (context: FlowContext): Promise<HostResults<readonly Check[]>> => {
  await using images = makeImageServer(context);
  return await onHosts(context, context.hosts, (host) => verifyOne(host, context, images));
};
