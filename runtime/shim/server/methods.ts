import { Fail } from '../../core/fail.ts';
import { type Methods, PROTOCOL_VERSION } from '../protocol/messages.ts';
import type { Peer } from './connection.ts';
import type { Container } from './containers/container.ts';
import { createContainer } from './containers/create.ts';
import { stateOf } from './containers/record.ts';
import { removeContainer } from './containers/remove.ts';
import { startContainer } from './containers/start.ts';
import { updateContainer } from './containers/update.ts';
import { Plugins } from './plugins.ts';
import { startExec } from './processes/exec.ts';
import { execSync } from './processes/exec-sync.ts';
import { run } from './processes/run.ts';
import { pinUserNamespace } from './processes/user-namespace.ts';
import type { Pulls } from './pull.ts';
import { AttachSession } from './sessions/attach-session.ts';
import { ExecSession } from './sessions/exec-session.ts';
import type { Sessions } from './sessions/sessions.ts';
import type { Shim } from './shim.ts';

export type Handlers = {
  readonly [M in keyof Methods]: (params: Methods[M]['params'], peer: Peer) => Promise<Methods[M]['result']>;
};

export interface Served {
  readonly shim: Shim;
  readonly sessions: Sessions;
  readonly pulls: Pulls;
  readonly release: string;
}

const EXEC_START_TIMEOUT_MS = 120_000;

/** The shim's verbs, one line of the protocol each. */
export function handlersOf({ shim, sessions, pulls, release }: Served): Handlers {
  const container = (id: string): Container => {
    const found = shim.containers.get(id);
    if (found === undefined) throw new Fail('NotFound', `the shim knows no container ${id}`);
    return found;
  };
  /** Those that their callers have named. */
  const execs = new Map<string, AbortController>();
  const plugins = new Plugins(shim.log);
  return {
    hello: async () => ({ version: PROTOCOL_VERSION, pid: process.pid, release }),
    subscribe: async (_, peer) => {
      peer.subscribe();
      return {};
    },
    run: (params) => run(params),
    pinUserNamespace: async (params) => {
      await pinUserNamespace(params);
      return {};
    },
    create: async (params) => ({ pid: (await createContainer(shim, params)).record.process?.pid ?? 0 }),
    start: async ({ id }) => ({ startedAtNs: await startContainer(container(id)) }),
    update: async ({ id, resources }) => {
      await updateContainer(container(id), resources);
      return {};
    },
    kill: async ({ id, signal }) => {
      container(id).signal(signal);
      return {};
    },
    delete: async ({ id }) => {
      await removeContainer(shim, id);
      return {};
    },
    reopenLog: async ({ id }) => {
      container(id).reopenLog();
      return {};
    },
    exec: async (params) => {
      const end = new AbortController();
      const { execId } = params;
      if (execId !== undefined) execs.set(execId, end);
      try {
        return await execSync(container(params.id), params, shim.folders.consoles, end.signal);
      } finally {
        if (execId !== undefined) execs.delete(execId);
      }
    },
    endExec: async ({ execId }) => {
      execs.get(execId)?.abort();
      return {};
    },
    execSession: async ({ id, process, stdin }) => {
      const { consoles } = shim.folders;
      const timeoutMs = EXEC_START_TIMEOUT_MS;
      const exec = await startExec(container(id), { process, stdin, consoles, timeoutMs });
      return { session: sessions.add(new ExecSession(exec)) };
    },
    attachSession: async ({ id, ...wish }) => {
      if (container(id).record.exit !== null)
        throw new Fail('FailedPrecondition', `container ${id} has ended`);
      return { session: sessions.add(new AttachSession(container(id), wish)) };
    },
    list: async () => ({ containers: [...shim.containers.values()].map(({ record }) => stateOf(record)) }),
    pull: async ({ pullId, request }, peer) => {
      // Who asked has gone: nobody would learn of the image, and the next daemon asks again.
      const stay = peer.onGone(() => pulls.cancel(pullId));
      const onProgress = (progress: unknown) => peer.sendEvent('pull-progress', { pullId, progress });
      try {
        return { outcome: await pulls.pull(pullId, request, onProgress) };
      } finally {
        stay();
      }
    },
    startPlugin: async (params) => ({ pid: plugins.start(params) }),
    endPlugins: async ({ path }) => {
      plugins.end(path);
      return {};
    },
    cancelPull: async ({ pullId }) => {
      pulls.cancel(pullId);
      return {};
    },
  };
}
