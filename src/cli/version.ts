import { Command } from 'commander';
import { ownVersion } from '../core/own-version.ts';

export const versionCommand = (): Command =>
  new Command('version')
    .summary('print the versions of berth and of its Node')
    .description('Prints the versions of berth and of the Node that runs it.')
    .addHelpText('after', '\nExamples:\n  berth version\n  berth version --json')
    .option('--json', 'print one JSON object', false)
    .action(async (options: { readonly json: boolean }) => {
      const versions = {
        berth: await ownVersion(),
        node: process.versions.node,
        platform: `${process.platform}-${process.arch}`,
      };
      process.stdout.write(
        options.json
          ? `${JSON.stringify(versions)}\n`
          : `berth ${versions.berth} (Node ${versions.node}, ${versions.platform})\n`,
      );
    });
