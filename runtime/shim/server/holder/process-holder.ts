import { spawn } from 'node:child_process';
import { closeSync, readFileSync } from 'node:fs';
import { type Watch, watch } from '../../../linux/poll.ts';
import { openPidfd, signalNumber, signalPidfd, startTimeTicks, takeFd } from '../../../linux/processes.ts';
import { replaceFile } from '../../../linux/replace-file.ts';
import { receiveFds, sendFds, setPeekOffset, setSendBuffer, socketPair } from '../../../linux/sockets.ts';
import { hasErrno } from '../../../linux/system-call-failed.ts';
import { bareEnvironment } from '../processes/children.ts';
import type { Holder } from './holder.ts';

/** Two ends of one socket pair: what is sent into the first waits in the second. */
type Queue = readonly [into: number, from: number];

/** Stale copies are harmless until a compaction lets them go. */
const TOLERATED_STALE = 64;
const SEND_BUFFER = 64 * 1024 * 1024;
/** One that ends at once, again and again, must not keep us busy. */
const RESTART_MS = 100;
/** The holder's descriptors of the outer queue. */
const OUTER: Queue = [3, 4];

/**
 * A holder for machines without systemd: a sleeping process that has both ends of a socket pair, the *outer*
 * queue. Its one message carries the two ends of another pair, the *generation*, in whose queue the kept
 * descriptors wait as messages with their names. Reading them back is a peek, so nothing is ever out of the
 * queue. To drop some, a new generation is filled, put behind the old one, and the old one is taken out: at every
 * moment the last generation in the outer queue is whole.
 */
export class ProcessHolder implements Holder {
  readonly #path: string;
  readonly #outer: Queue;
  #guard: Guard;
  #generation: Queue;
  readonly #kept = new Set<string>();
  readonly #recovered: Map<string, number>;
  #stale = 0;

  /** `path`: where the holder's pid is written down. */
  constructor(path: string) {
    const found = findHolder(path) ?? startHolder(path, newPair());
    this.#path = path;
    this.#outer = found.outer;
    this.#guard = new Guard(found.pidfd, () => this.#replace());
    this.#generation = lastGeneration(this.#outer) ?? newGeneration(this.#outer);
    this.#recovered = readGeneration(this.#generation);
  }

  keep(name: string, fd: number): void {
    sendFds(this.#generation[0], Buffer.from(name), [fd]);
    if (this.#kept.has(name)) this.#stale += 1;
    this.#kept.add(name);
  }

  drop(names: readonly string[], urgency: 'soon' | 'now' = 'soon'): void {
    for (const name of names) if (this.#kept.delete(name)) this.#stale += 1;
    // Before recovery is over, a new generation would lack what nobody has taken yet.
    if (this.#recovered.size > 0) return;
    if (urgency === 'now' || this.#stale > this.#kept.size + TOLERATED_STALE) this.#compact();
  }

  take(name: string): number | undefined {
    const fd = this.#recovered.get(name);
    if (fd === undefined) return undefined;
    this.#recovered.delete(name);
    this.#kept.add(name);
    return fd;
  }

  forgetRest(): void {
    for (const fd of this.#recovered.values()) closeSync(fd);
    this.#recovered.clear();
    this.#compact();
  }

  close(): void {
    if (this.#kept.size === 0) signalPidfd(this.#guard.pidfd, signalNumber('SIGKILL'));
    this.#guard.close();
    for (const fd of [...this.#outer, ...this.#generation]) closeSync(fd);
  }

  /** Somebody has killed the holder: this process still has both queues, with all that is kept, and gives them on. */
  #replace(): void {
    this.#guard.close();
    const { pidfd } = startHolder(this.#path, this.#outer);
    this.#guard = new Guard(pidfd, () => this.#replace());
  }

  /** The old generation itself has the descriptors: those of this process may be closed, or be others by now. */
  #compact(): void {
    const next = newPair();
    for (const [name, fd] of readGeneration(this.#generation)) {
      if (this.#kept.has(name)) sendFds(next[0], Buffer.from(name), [fd]);
      closeSync(fd);
    }
    sendFds(this.#outer[0], Buffer.from('generation'), [...next]);
    for (const fd of receiveFds(this.#outer[1])?.fds ?? []) closeSync(fd);
    for (const fd of this.#generation) closeSync(fd);
    this.#generation = next;
    this.#stale = 0;
  }
}

/** Waits for the end of a holder. */
class Guard {
  readonly pidfd: number;
  readonly #watch: Watch;
  #timer: NodeJS.Timeout | undefined;

  constructor(pidfd: number, onEnd: () => void) {
    this.pidfd = pidfd;
    this.#watch = watch(pidfd, 'readable', () => {
      this.#watch.close();
      this.#timer = setTimeout(onEnd, RESTART_MS);
    });
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#watch.close();
    closeSync(this.pidfd);
  }
}

interface FoundHolder {
  readonly pidfd: number;
  readonly outer: Queue;
}

/** The holder that an earlier shim started, if it still runs. */
function findHolder(path: string): FoundHolder | undefined {
  try {
    const { pid, startTimeTicks: ticks } = JSON.parse(readFileSync(path, 'utf8'));
    const pidfd = openPidfd(pid);
    try {
      if (startTimeTicks(pid) === ticks) {
        return { pidfd, outer: [takeFd(pidfd, OUTER[0]), takeFd(pidfd, OUTER[1])] };
      }
    } catch (error) {
      closeSync(pidfd);
      throw error;
    }
    closeSync(pidfd);
    return undefined;
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ESRCH', 'EBADF')) return undefined;
    throw error;
  }
}

/** In a session of its own: what ends the shim's group does not end it. */
function startHolder(path: string, outer: Queue): FoundHolder {
  const holder = spawn('sleep', ['2147483647'], {
    cwd: '/',
    env: bareEnvironment,
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', ...outer],
  });
  const { pid } = holder;
  if (pid === undefined) throw new Error('cannot start the descriptor holder: no `sleep` in PATH');
  holder.unref();
  const text = JSON.stringify({ version: 1, pid, startTimeTicks: startTimeTicks(pid) });
  replaceFile(path, text);
  return { pidfd: openPidfd(pid), outer };
}

function newPair(): Queue {
  const pair = socketPair();
  setSendBuffer(pair[0], SEND_BUFFER);
  return pair;
}

function newGeneration(outer: Queue): Queue {
  const generation = newPair();
  sendFds(outer[0], Buffer.from('generation'), [...generation]);
  return generation;
}

/** The last one in the outer queue; older ones are left by a shim that was killed while it compacted. */
function lastGeneration(outer: Queue): Queue | undefined {
  const generations = peekAll(outer).map(({ fds }) => fds);
  for (const stale of generations.slice(0, -1)) {
    for (const fd of stale) closeSync(fd);
    for (const fd of receiveFds(outer[1])?.fds ?? []) closeSync(fd);
  }
  const [into, from] = generations.at(-1) ?? [];
  return into === undefined || from === undefined ? undefined : [into, from];
}

/** A name that was kept twice means its later descriptor. */
function readGeneration(generation: Queue): Map<string, number> {
  const byName = new Map<string, number>();
  for (const { data, fds } of peekAll(generation)) {
    const [fd] = fds;
    if (fd === undefined) continue;
    const earlier = byName.get(data.toString());
    if (earlier !== undefined) closeSync(earlier);
    byName.set(data.toString(), fd);
  }
  return byName;
}

function peekAll([, from]: Queue) {
  setPeekOffset(from, 0);
  const messages = [];
  for (
    let next = receiveFds(from, { peek: true });
    next !== undefined;
    next = receiveFds(from, { peek: true })
  ) {
    messages.push(next);
  }
  setPeekOffset(from, -1);
  return messages;
}
