import { Command } from 'commander';

interface QuickstartOptions {
  readonly remove: boolean;
  readonly json: boolean;
  readonly ci: boolean;
  readonly verbose: boolean;
  readonly stats: boolean;
}

export const quickstartCommand = (setExitCode: (code: number) => void): Command =>
  new Command('quickstart')
    .summary('make a throw-away host on this machine and prove it')
    .description(
      'Boots an embedded host with systemd-nspawn, applies profiles/quickstart.yaml to it over SSH, and\n' +
        'proves it with crictl. A second run changes nothing. --remove takes everything away again.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  berth quickstart\n  berth quickstart --remove   away with all of it',
    )
    .option('--remove', 'take the host and everything that was made for it away', false)
    .option('--stats', 'print round trips, bytes and time at the end', false)
    .option('--json', 'print one JSON object a line', false)
    .option('--ci', 'print plain lines, as without a terminal', false)
    .option('--verbose', 'tell more', false)
    .action(async (options: QuickstartOptions) => {
      const { runQuickstart } = await import('./quickstart-run.ts');
      // The one that asked for the quick start has said yes; it tells what it will do before it does it.
      setExitCode(await runQuickstart(options.remove, { ...options, parallel: 1, yes: true }));
    });
