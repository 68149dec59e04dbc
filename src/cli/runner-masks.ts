import { fstatSync } from 'node:fs';
import { shortestSecret } from '../core/secret.ts';
import { maskCommand } from '../faces/ci/github.ts';
import { isGithub } from '../faces/ci/surroundings.ts';

/**
 * Tells the runner of GitHub Actions each secret that is read, so that it masks it in what the other programs of the job
 * print too; berth's own output has none in any case. The runner takes such a line out of the log, everything else that
 * reads it would keep it: so it goes to standard error, and only while that is a pipe of its own, not a file and not
 * what `2>&1 | tee` makes of it.
 */
export const runnerMasks = (env: NodeJS.ProcessEnv = process.env): ((secret: string) => void) => {
  if (!isGithub(env) || !readsAlone()) return () => undefined;
  return (secret) => {
    if (secret.trim().length >= shortestSecret) process.stderr.write(maskCommand(secret));
  };
};

const readsAlone = (): boolean => {
  const [out, err] = [fstatSync(1), fstatSync(2)];
  return (err.isFIFO() || err.isSocket()) && (out.ino !== err.ino || out.dev !== err.dev);
};
