import { closeSync, existsSync, openSync, readFileSync, watch as watchFile, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeEventfd } from '../../../linux/eventfd.ts';
import { readNow } from '../../../linux/fds.ts';
import { KernelLog } from '../../../linux/kernel-log.ts';
import { watch } from '../../../linux/poll.ts';
import { hasErrno } from '../../../linux/system-call-failed.ts';
import { KillsBelow } from './kills-below.ts';

const CGROUPS = '/sys/fs/cgroup';
const V1_COUNTER = 'memory.oom_control';
const V2_COUNTER = 'memory.events';

/**
 * The file in which the kernel counts the OOM kills of a process's memory cgroup: `memory.oom_control` of
 * cgroup v1, `memory.events` of v2. Null when the process has no memory cgroup that we can see.
 */
export function findOomCounter(pid: number): string | null {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const v1 = lines.find(([, controllers = '']) => controllers.split(',').includes('memory'));
  const v2 = lines.find(([hierarchy]) => hierarchy === '0');
  const candidates = [
    ...(v1 === undefined ? [] : [join(CGROUPS, 'memory', v1[2] ?? '', V1_COUNTER)]),
    ...(v2 === undefined ? [] : [join(CGROUPS, v2[2] ?? '', V2_COUNTER)]),
  ];
  return candidates.find((path) => existsSync(path)) ?? null;
}

/** Whether the kernel killed a process of the container for want of memory. */
export interface OomWatch {
  /** Asked after the exit. `struck`: SIGKILL ended the container's first process. */
  happened(struck: boolean): boolean;
  close(): void;
}

/**
 * Watches a container's counter. With cgroupfs its cgroup outlives it and the count is read after the exit; but
 * systemd removes a scope as soon as it is empty, often before we come to it. Then what was seen at the kernel's
 * notices counts, what the kernel wrote into its log, and, where a node may not read that, what is left in the count of
 * the cgroup above.
 */
export function watchOom(counter: string | null): OomWatch {
  if (counter === null) return { happened: () => false, close: () => {} };
  let seen = false;
  const looks = new Looks(() => {
    seen = seen || isOomNotice(counter);
    return seen;
  });
  const stop = subscribe(counter, () => looks.start());
  const above = join(dirname(dirname(counter)), V2_COUNTER);
  const siblings = counter.endsWith(V2_COUNTER) && existsSync(above) ? siblingsBelow(above) : undefined;
  siblings?.add(counter);
  const killedIn = (struck: boolean): boolean => {
    const kills = oomKills(counter);
    if (kills !== undefined) return kills > 0;
    return logged(cgroupOf(counter)) || (struck && siblings?.claim(counter) === true);
  };
  return {
    happened: (struck) => seen || killedIn(struck),
    close: () => {
      looks.cancel();
      stop();
      siblings?.remove(counter);
      if (siblings?.isEmpty === true) below.delete(above);
    },
  };
}

/** By the counter of the cgroup above them. */
const below = new Map<string, KillsBelow>();

function siblingsBelow(above: string): KillsBelow {
  const known = below.get(above) ?? new KillsBelow(above, oomKills);
  below.set(above, known);
  return known;
}

/**
 * The kernel gives notice that the limit is reached, then kills, and holds its next notice back until 10 ms after
 * the first; systemd may be faster. So after a notice that told nothing yet we look again by ourselves.
 */
const LOOK_AGAIN_MS = [1, 3, 8, 20];

class Looks {
  readonly #look: () => boolean;
  #timers: readonly NodeJS.Timeout[] = [];

  /** `look` answers whether there is nothing more to learn. */
  constructor(look: () => boolean) {
    this.#look = look;
  }

  start(): void {
    this.cancel();
    if (this.#look()) return;
    this.#timers = LOOK_AGAIN_MS.map((milliseconds) =>
      setTimeout(() => {
        if (this.#look()) this.cancel();
      }, milliseconds),
    );
  }

  cancel(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = [];
  }
}

/** Of the kernel's log we remember this many cgroups: another container's kill may be read before its exit is. */
const REMEMBERED_KILLS = 1024;
const kernelLog = new KernelLog();
const killed = new Set<string>();

/** Whether the kernel's log tells of an OOM kill in the cgroup or below it. Under a storm of them it omits some. */
function logged(cgroup: string): boolean {
  for (const message of kernelLog.read()) {
    const path = cgroupOfOomKill(message);
    if (path !== undefined) killed.add(path);
  }
  const paths = [...killed];
  for (const path of paths.slice(0, -REMEMBERED_KILLS)) killed.delete(path);
  return paths.some((path) => path === cgroup || path.startsWith(`${cgroup}/`));
}

/** The cgroup whose process this message of the kernel says to be killed for want of memory. */
export function cgroupOfOomKill(message: string): string | undefined {
  return /^oom-kill:constraint=\w+,.*?,task_memcg=(\/.*?),task=/.exec(message)?.[1];
}

/** As the kernel names it: from the root of its hierarchy. */
const cgroupOf = (counter: string): string =>
  dirname(counter).slice((counter.endsWith(V1_COUNTER) ? join(CGROUPS, 'memory') : CGROUPS).length);

/** On v1 the count is still 0 when the notice comes, but a notice with the cgroup there is one of an OOM. */
function isOomNotice(counter: string): boolean {
  const kills = oomKills(counter);
  return counter.endsWith(V1_COUNTER) ? kills !== undefined : (kills ?? 0) > 0;
}

/** Undefined when the cgroup is gone. */
function oomKills(counter: string): number | undefined {
  try {
    return Number(/^oom_kill (\d+)$/m.exec(readFileSync(counter, 'utf8'))?.[1] ?? 0);
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENODEV')) return undefined;
    throw error;
  }
}

function subscribe(counter: string, onNotice: () => void): () => void {
  try {
    return counter.endsWith(V1_COUNTER) ? subscribeV1(counter, onNotice) : subscribeV2(counter, onNotice);
  } catch (error) {
    // Gone already: what can be known is known.
    if (hasErrno(error, 'ENOENT', 'ENODEV')) return () => {};
    throw error;
  }
}

/** An eventfd registered in `cgroup.event_control`; it is signalled by the cgroup's removal too. */
function subscribeV1(counter: string, onNotice: () => void): () => void {
  const eventfd = makeEventfd();
  const control = openSync(counter, 'r');
  try {
    writeFileSync(join(dirname(counter), 'cgroup.event_control'), `${eventfd} ${control}`);
  } catch (error) {
    closeSync(eventfd);
    throw error;
  } finally {
    closeSync(control);
  }
  const count = Buffer.from(new ArrayBuffer(8));
  const watching = watch(eventfd, 'readable', () => {
    readNow(eventfd, count);
    onNotice();
  });
  return () => {
    watching.close();
    closeSync(eventfd);
  };
}

/** inotify: the kernel modifies `memory.events` when a count changes. */
function subscribeV2(counter: string, onNotice: () => void): () => void {
  const watching = watchFile(counter, onNotice);
  // The file goes with the cgroup.
  watching.on('error', () => watching.close());
  return () => watching.close();
}
