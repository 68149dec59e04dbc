import { closeSync } from 'node:fs';
import { Fail } from '../../core/fail.ts';
import { connectUnix } from '../../linux/sockets.ts';
import type { Log } from '../../observe/log.ts';
import type { Methods } from '../protocol/messages.ts';
import { bareEnvironment, killGroup, startChild } from './processes/children.ts';

/** Where a plugin finds its connection: the first descriptor after those that every program has. */
const SOCKET_FD = 3;

/** The NRI plugins that were started from here. They end with the daemon that asked for them, or when it says so. */
export class Plugins {
  readonly #log: Log;
  readonly #running = new Map<string, number>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Returns its pid. Throws `NotFound` when it cannot be run. */
  start({ path, socket, env }: Methods['startPlugin']['params']): number {
    this.end(path);
    const connection = connectUnix(socket);
    try {
      const { pid, exited } = startChild({
        argv: [path],
        env: { ...bareEnvironment, ...env, NRI_PLUGIN_SOCKET: String(SOCKET_FD) },
        stdio: ['ignore', process.stderr.fd, process.stderr.fd, connection],
      });
      this.#running.set(path, pid);
      exited.then(
        (status) => this.#ended(path, pid, status?.exitCode),
        (error: unknown) => this.#log.warn('cannot wait for an NRI plugin', { path, error }),
      );
      return pid;
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new Fail('NotFound', `cannot run ${path}: ${why}`, { cause });
    } finally {
      closeSync(connection);
    }
  }

  /** Not an error when there is none. */
  end(path?: string): void {
    for (const [name, pid] of this.#running) if (path === undefined || path === name) killGroup(pid);
  }

  #ended(path: string, pid: number, exitCode: number | undefined): void {
    if (this.#running.get(path) === pid) this.#running.delete(path);
    this.#log.info('an NRI plugin ended', { path, pid, exitCode });
  }
}
