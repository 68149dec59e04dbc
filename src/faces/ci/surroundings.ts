import type { Dialect } from './dialect.ts';
import { github } from './github.ts';
import { gitlab } from './gitlab.ts';
import { plain } from './plain.ts';

/** Whether the runner of GitHub Actions reads what is printed. */
export const isGithub = (env: NodeJS.ProcessEnv): boolean => env['GITHUB_ACTIONS'] === 'true';

/** The dialect of the CI system that berth runs under, which says so in the environment. */
export const dialectOf = (env: NodeJS.ProcessEnv): Dialect => {
  if (isGithub(env)) return github;
  return env['GITLAB_CI'] === 'true' ? gitlab : plain;
};
