import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { Check, Emit } from '../../core/events.ts';
import { Fail, type FailCode } from '../../core/fail.ts';
import type { Connection } from '../../host/transport/connection.ts';
import type { HostEntry, Spec } from '../../profile/profile.ts';
import { rebootPod } from './pod.ts';

/** How long a machine may take from the order to reboot to its first answer: servers test their memory first. */
const backWithinMs = 10 * 60_000;
/** How long one attempt to connect may take, and the pause before the next one. */
const attempt = { timeoutMs: 15_000, pauseMs: 1_000 } as const;

/** A host that is going down or coming up may say any of these; a changed host key is none of them. */
const passing: readonly FailCode[] = [
  'Unreachable',
  'ConnectionLost',
  'AuthenticationFailed',
  'DeadlineExceeded',
  'CommandFailed',
  'Cancelled',
  'NoSudo',
];

type Reconnect = (host: HostEntry, signal: AbortSignal) => Promise<Connection>;

interface Options {
  readonly reconnect: Reconnect;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

type Answers = ReadonlyMap<string, readonly string[]>;

const answersIn = (text: string): Answers =>
  new Map(
    text
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .map(([name = '', ...values]) => [name, values]),
  );

const scriptText = (name: string): Promise<string> => readFile(new URL(name, import.meta.url), 'utf8');

const ask = async (
  connection: Connection,
  script: string,
  options: { readonly signal: AbortSignal; readonly input?: string },
): Promise<Answers> => {
  const { exitCode, stdout, stderr } = await connection.sh(await scriptText(script), options);
  const answers = answersIn(stdout);
  if (exitCode === 0 && answers.get('boot')?.length === 1) return answers;
  throw new Fail(
    'CommandFailed',
    `${connection.host}: the host does not say which boot it is: ${stderr.trim()}`,
  );
};

/** Sends the host down; what it had before. */
const goDown = (connection: Connection, { signal }: Options): Promise<Answers> =>
  ask(connection, 'reboot.sh', { signal, input: JSON.stringify(rebootPod()) });

/** A new connection to the next boot of the host; the old connection says nothing of it. */
const comeBack = async (host: HostEntry, boot: string, options: Options): Promise<Connection> => {
  const deadline = performance.now() + backWithinMs;
  let last: unknown;
  while (performance.now() < deadline) {
    options.signal.throwIfAborted();
    const signal = AbortSignal.any([options.signal, AbortSignal.timeout(attempt.timeoutMs)]);
    try {
      const connection = await options.reconnect(host, signal);
      const { stdout } = await connection.sh('cat /proc/sys/kernel/random/boot_id', { signal });
      await connection.close();
      // Until the host is really down it answers as before. The connection of the attempt ends with the attempt.
      if (stdout.trim() !== '' && stdout.trim() !== boot)
        return await options.reconnect(host, options.signal);
      last = undefined;
    } catch (error) {
      options.signal.throwIfAborted();
      const timedOut =
        error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError');
      if (!timedOut && !(error instanceof Fail && passing.includes(error.code))) throw error;
      last = error;
    }
    await pause(attempt.pauseMs, undefined, { signal: options.signal });
  }
  throw new Fail(
    'DeadlineExceeded',
    `${host.name}: it has not come back ${backWithinMs / 60_000} minutes after its reboot`,
    {
      hint: 'look at its console; run berth verify when it answers again',
      cause: last,
    },
  );
};

const verdict = (
  id: string,
  title: string,
  wrong: string | undefined,
  seen: string,
  remedy: string,
): Check => ({
  id: `reboot.${id}`,
  title,
  grade: 'reboot',
  ok: wrong === undefined,
  milliseconds: 0,
  detail: wrong ?? seen,
  ...(wrong === undefined ? {} : { remedy }),
});

const shortly = (ids: readonly string[]): string =>
  ids.map((id) => id.replace('sha256:', '').slice(0, 13)).join(', ');

const imagesCheck = (before: Answers, after: Answers): Check => {
  const had = before.get('images') ?? [];
  const gone = had.filter((image) => !after.get('images')?.includes(image));
  return verdict(
    'images',
    'images are still there',
    gone.length === 0 ? undefined : `gone: ${shortly(gone)}`,
    `all ${had.length}`,
    'is /var/lib/berth on a disk that is mounted before berthd starts? findmnt /var/lib/berth',
  );
};

const podsCheck = (before: Answers, after: Answers): Check => {
  const had = before.get('pods') ?? [];
  const stale = had.filter((pod) =>
    [...(after.get('pods') ?? []), ...(after.get('state') ?? [])].includes(pod),
  );
  return verdict(
    'pods',
    'no pod of before is left',
    stale.length === 0 ? undefined : `still listed: ${shortly(stale)}`,
    `${had.length} ended with the host`,
    '/run must be emptied by a reboot: findmnt /run',
  );
};

const rulesCheck = (spec: Spec, after: Answers): Check[] => {
  const subnets = spec.cni.networks.flatMap((network) =>
    network.masquerade === 'node' ? network.subnets : [],
  );
  const wanted = [
    ...(subnets.some((subnet) => !subnet.includes(':')) ? ['iptables'] : []),
    ...(subnets.some((subnet) => subnet.includes(':')) ? ['ip6tables'] : []),
  ];
  if (wanted.length === 0) return [];
  const lacking = wanted.filter((program) => after.get(program)?.[0] !== '1');
  return [
    verdict(
      'rules',
      'masquerading is back',
      lacking.length === 0 ? undefined : `no rule in: ${lacking.join(', ')}`,
      wanted.join(', '),
      'see why with: systemctl status berth-masquerade',
    ),
  ];
};

/**
 * Reboots the host and waits for its next boot. `look` examines it over the new connection; its checks come with those of
 * the reboot itself.
 * @throws Fail `DeadlineExceeded` when the host does not come back
 */
export const throughReboot = async (
  host: HostEntry,
  connection: Connection,
  options: Options,
  look: (connection: Connection, emit: Emit) => Promise<readonly Check[]>,
): Promise<readonly Check[]> => {
  const step = { host: host.name, phase: 'verify', id: 'reboot' } as const;
  const started = performance.now();
  options.emit({ kind: 'step-started', ...step, title: 'reboot the host' });
  let back: Connection | undefined;
  try {
    const before = await goDown(connection, options);
    back = await comeBack(host, before.get('boot')?.[0] ?? '', options);
    const after = await ask(back, 'after-reboot.sh', { signal: options.signal });
    const milliseconds = performance.now() - started;
    options.emit({ kind: 'step-ended', ...step, milliseconds, failed: false });
    const own: Check[] = [
      {
        ...verdict('host', 'the host comes back', undefined, 'a new boot, over a new connection', ''),
        milliseconds,
      },
      imagesCheck(before, after),
      podsCheck(before, after),
      ...rulesCheck(host.spec, after),
    ];
    for (const check of own) options.emit({ kind: 'checked', host: host.name, check });
    const emit: Emit = (event) =>
      options.emit(event.kind === 'checked' ? { ...event, check: afterwards(event.check) } : event);
    return [...own, ...(await look(back, emit)).map(afterwards)];
  } catch (error) {
    options.emit({ kind: 'step-ended', ...step, milliseconds: performance.now() - started, failed: true });
    throw error;
  } finally {
    await back?.close();
  }
};

/** What was checked before is checked again: a check has its name once. */
const afterwards = (check: Check): Check => ({ ...check, id: `reboot.${check.id}`, grade: 'reboot' });
