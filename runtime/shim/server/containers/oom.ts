import { closeSync, existsSync, openSync, readFileSync, watch as watchFile, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeEventfd } from '../../../linux/eventfd.ts';
import { readNow } from '../../../linux/fds.ts';
import { watch } from '../../../linux/poll.ts';
import { hasErrno } from '../../../linux/system-call-failed.ts';

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
  /** Asked after the exit. */
  happened(): boolean;
  close(): void;
}

/**
 * Watches a container's counter. With cgroupfs its cgroup outlives it and the count is read after the exit; but
 * systemd removes a scope as soon as it is empty, so the kernel's notice counts too: it comes milliseconds before.
 */
export function watchOom(counter: string | null): OomWatch {
  if (counter === null) return { happened: () => false, close: () => {} };
  let seen = false;
  const stop = subscribe(counter, () => {
    seen = seen || isOomNotice(counter);
  });
  return { happened: () => seen || (oomKills(counter) ?? 0) > 0, close: stop };
}

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
