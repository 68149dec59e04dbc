/* A command whose step at work takes a while after it was interrupted: the other side of interrupts.test.ts. */
import { setTimeout } from 'node:timers/promises';
import { withJunit } from '../../../src/cli/junit-report.ts';
import { runOnHosts } from '../../../src/cli/run-command.ts';

const [profile = '', logFile = '', junit = ''] = process.argv.slice(2);
const options = { parallel: 1, stats: false, json: true, ci: true, verbose: false, logFile };
const exitCode = await runOnHosts(
  profile,
  options,
  withJunit(junit, 'berth apply', async ({ signal }) => {
    const atWork = setTimeout(20_000, undefined, { signal });
    process.stdout.write('at work\n');
    await atWork.catch(() => setTimeout(500));
    throw signal.reason;
  }),
);
process.exit(exitCode);
