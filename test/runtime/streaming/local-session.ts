import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { Session } from '../../../runtime/shim/client/shim.ts';
import type { Resize } from '../../../runtime/shim/protocol/messages.ts';

/** A Session whose process is a child of the test, as the shim's is one of the container. */
export interface LocalSession extends Session {
  readonly child: ChildProcess;
  readonly sizes: readonly Resize[];
  readonly destroyed: boolean;
}

/** Sessions opened so far, so that a test can look at what became of their processes. */
export class LocalSessions {
  readonly all: LocalSession[] = [];

  open = async (argv: readonly string[], tty = false): Promise<LocalSession> => {
    const session = await startSession(tty ? underPty(argv) : argv);
    this.all.push(session);
    return session;
  };

  /** Resolves when no process of any session is left; kills nothing. */
  async ended(): Promise<void> {
    await Promise.all(this.all.map(({ child }) => child.exitCode ?? child.signalCode ?? once(child, 'exit')));
  }

  killAll(): void {
    for (const { child } of this.all) child.kill('SIGKILL');
  }
}

const underPty = (argv: readonly string[]): string[] => [
  'socat',
  '-t0.05',
  '-',
  `EXEC:"${argv.join(' ')}",pty,setsid,ctty,stderr`,
];

const startSession = async (argv: readonly string[]): Promise<LocalSession> => {
  const [file = '', ...args] = argv;
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  await once(child, 'spawn');
  const exited = once(child, 'exit').then(([code, signal]) => ({
    exitCode: code ?? (signal === null ? 255 : 137),
  }));
  const sizes: Resize[] = [];
  let destroyed = false;
  return {
    child,
    sizes,
    get destroyed() {
      return destroyed;
    },
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    exited,
    resize: (size) => void sizes.push(size),
    destroy: () => {
      destroyed = true;
      child.kill('SIGKILL');
    },
  };
};

/** A Session without a process: what is written to stdin can be read, and the test decides the rest. */
export const fakeSession = () => {
  const stdin = new PassThrough();
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const exit = Promise.withResolvers<{ readonly exitCode: number }>();
  const sizes: Resize[] = [];
  const state = { destroyed: false };
  const session: Session = {
    stdin,
    stdout,
    stderr,
    exited: exit.promise,
    resize: (size) => void sizes.push(size),
    destroy: () => {
      state.destroyed = true;
      stdin.destroy();
      stdout.destroy();
      stderr.destroy();
    },
  };
  return { session, stdin, stdout, stderr, exit, sizes, state };
};
