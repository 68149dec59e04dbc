import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const berth = fileURLToPath(new URL('../../../src/cli/berth', import.meta.url));

export interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the real command as its users do, without a terminal. */
export const runBerth = (
  args: readonly string[],
  options: { readonly cwd?: string | URL; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Ran> =>
  new Promise((resolve, reject) => {
    const settings = {
      timeout: 120_000,
      cwd: options.cwd,
      env: { ...process.env, FORCE_COLOR: undefined, ...options.env },
    };
    execFile(berth, args, settings, (error, stdout, stderr) => {
      if (error && typeof error.code !== 'number') reject(error);
      else resolve({ exitCode: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
