import { Command } from 'commander';

export const versionCommand = (): Command =>
  new Command('version')
    .summary('print the versions of berth and of what it brings')
    .description(
      'Prints the versions of berth and of the Node that runs it. With --json also what it brings to hosts, the\n' +
        'versions of other programs that it knows by digest, and those of its own formats.',
    )
    .addHelpText('after', '\nExamples:\n  berth version\n  berth version --json')
    .option('--json', 'print one JSON object', false)
    .action(async (options: { readonly json: boolean }) => {
      const { bundled } = await import('./bundled.ts');
      const versions = await bundled();
      process.stdout.write(
        options.json
          ? `${JSON.stringify(versions)}\n`
          : `berth ${versions.berth} (Node ${versions.node}, ${versions.platform})\n`,
      );
    });
