/* A command that takes a while after it was interrupted, in a phase: the other side of interrupts.test.ts. */
import { setTimeout } from 'node:timers/promises';
import { withJunit } from '../../../src/cli/junit-report.ts';
import { runOnHosts } from '../../../src/cli/run-command.ts';
import type { Phase } from '../../../src/core/events.ts';
import { inPhase } from '../../../src/flows/on-hosts.ts';

const [profile = '', logFile = '', junit = '', phase = ''] = process.argv.slice(2);
const options = { parallel: 1, stats: false, json: true, ci: true, verbose: false, logFile };
const exitCode = await runOnHosts(
  profile,
  options,
  withJunit(junit, 'berth apply', async (context) => {
    const { signal } = context;
    const wait = async (): Promise<void> => {
      const atWork = setTimeout(20_000, undefined, { signal });
      process.stdout.write('at work\n');
      await atWork.catch(() => setTimeout(500));
    };
    await inPhase(context, 'a', 'plan', () => Promise.resolve());
    await (phase === '' ? wait() : inPhase(context, 'a', phase as Phase, wait));
    throw signal.reason;
  }),
);
process.exit(exitCode);
