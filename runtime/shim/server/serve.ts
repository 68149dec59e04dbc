import { chmodSync, closeSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { Fail } from '../../core/fail.ts';
import { lockFile } from '../../linux/locks.ts';
import { becomeSubreaper } from '../../linux/processes.ts';
import type { Log } from '../../observe/log.ts';
import { createNotify } from '../../observe/notify.ts';
import { keepWatchdog } from '../../observe/watchdog.ts';
import type { Methods } from '../protocol/messages.ts';
import { toWireError } from '../protocol/wire-error.ts';
import type { Peer } from './connection.ts';
import { serveConnection } from './connection.ts';
import { Folders } from './containers/folders.ts';
import { recoverContainers } from './containers/recover.ts';
import { openHolder } from './holder/open.ts';
import { handlersOf } from './methods.ts';
import { isMethod, parseParameters } from './parameters.ts';
import { sweepOrphans } from './processes/children.ts';
import { Pulls } from './pull.ts';
import { Sessions } from './sessions/sessions.ts';
import type { Shim } from './shim.ts';

export interface ServeOptions {
  /** `/run/berth`: the socket and everything that the shim must find again. */
  readonly runRoot: string;
  /** Folder with berth-pull. */
  readonly release: string;
  readonly log: Log;
}

export interface RunningShim {
  /** Lets containers, holder and records be as they are and stops serving. */
  close(): Promise<void>;
}

/** Takes over what is there, then serves. Throws `FailedPrecondition` when another shim serves this folder. */
export async function serveShim({ runRoot, release, log }: ServeOptions): Promise<RunningShim> {
  const folders = new Folders(runRoot);
  folders.make();
  const lock = lockFile(folders.lock);
  if (lock === undefined) {
    throw new Fail('FailedPrecondition', `another berth-shim serves ${runRoot}`, {
      hint: 'stop it first; one shim serves all containers of a node',
    });
  }
  becomeSubreaper();
  const holder = openHolder(folders.holder, process.env);
  const subscribers = new Set<Peer>();
  let events: Promise<void> | undefined;
  let stopEvents = () => {};
  const takeEvents = async (): Promise<void> => {
    const { serveEvents } = await import('./tasks/events.ts');
    stopEvents = serveEvents(folders.events, (id) => shim.containers.get(id)?.noteOom(), log);
  };
  const shim: Shim = {
    takeEvents: () => {
      events ??= takeEvents();
      return events;
    },
    folders,
    holder,
    log,
    containers: new Map(),
    creating: new Map(),
    onExit: ({ id, startedAtNs }, exit) => {
      for (const peer of subscribers) peer.sendEvent('exit', { id, startedAtNs, ...exit });
    },
  };
  await recoverContainers(shim);
  const stopSweeping = sweepOrphans();
  const sessions = new Sessions();
  const pulls = new Pulls(release);
  const server = listen(shim, { sessions, pulls, release, subscribers });
  await listening(server, folders.socket);
  const notify = createNotify(process.env['NOTIFY_SOCKET'], log);
  notify({ READY: 1, STATUS: `${shim.containers.size} containers taken over` });
  const stopWatchdog = keepWatchdog(notify, { environment: process.env, pid: process.pid });
  log.info('serving', { socket: folders.socket, containers: shim.containers.size });
  return {
    close: async () => {
      notify({ STOPPING: 1, STATUS: 'stopping' });
      stopWatchdog();
      stopSweeping();
      stopEvents();
      sessions.close();
      pulls.close();
      server.close();
      rmSync(folders.socket, { force: true });
      holder.close();
      closeSync(lock);
    },
  };
}

interface Parts {
  readonly sessions: Sessions;
  readonly pulls: Pulls;
  readonly release: string;
  readonly subscribers: Set<Peer>;
}

function listen(shim: Shim, { sessions, pulls, release, subscribers }: Parts): Server {
  const handlers = handlersOf({ shim, sessions, pulls, release });
  return createServer({ allowHalfOpen: true }, (socket) =>
    serveConnection(socket, {
      log: shim.log,
      call: (method, params, peer) => dispatch(handlers, method, params, peer),
      openSession: (token, wire) => {
        const session = sessions.take(token);
        if (session !== undefined) session.connect(wire);
        else wire.fail(toWireError(new Fail('NotFound', 'no such session, or it came too late')));
      },
      onSubscribed: (peer) => {
        subscribers.add(peer);
        for (const { record } of shim.containers.values()) {
          if (record.exit !== null) {
            const { id, startedAtNs, exit } = record;
            peer.sendEvent('exit', { id, startedAtNs, ...exit });
          }
        }
      },
      onClosed: (peer) => subscribers.delete(peer),
    }),
  );
}

function dispatch(
  handlers: ReturnType<typeof handlersOf>,
  method: string,
  params: unknown,
  peer: Peer,
): Promise<unknown> {
  if (!isMethod(method)) {
    return Promise.reject(new Fail('Unimplemented', `this shim has no method ${method}`));
  }
  return invoke(handlers, method, params, peer);
}

async function invoke<M extends keyof Methods>(
  handlers: ReturnType<typeof handlersOf>,
  method: M,
  params: unknown,
  peer: Peer,
): Promise<Methods[M]['result']> {
  return handlers[method](parseParameters(method, params), peer);
}

/** The lock is ours, so a socket at the path is one that a killed shim left. */
function listening(server: Server, path: string): Promise<void> {
  rmSync(path, { force: true });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const umask = process.umask(0o177);
    server.listen(path, () => {
      chmodSync(path, 0o600);
      resolve();
    });
    process.umask(umask);
  });
}
