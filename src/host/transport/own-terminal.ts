import { spawn } from 'node:child_process';
import { Fail } from '../../core/fail.ts';
import type { Exit } from './connection.ts';

/** Runs a program of this machine with this process's own terminal, until it ends. */
export function onOwnTerminal(host: string, argv: readonly string[], signal: AbortSignal): Promise<Exit> {
  const [program = 'sh', ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit' });
    const stop = () => child.kill('SIGTERM');
    signal.addEventListener('abort', stop, { once: true });
    child.once('error', (cause) =>
      reject(new Fail('Unsupported', `${host}: ${program} of this machine cannot be started`, { cause })),
    );
    child.once('close', (code, name) => {
      signal.removeEventListener('abort', stop);
      resolve({ exitCode: code ?? undefined, signal: name ?? undefined });
    });
  });
}
