import { readFile } from 'node:fs/promises';
import { Command } from 'commander';

/** The version of berth, as its package.json has it. */
export const ownVersion = async (): Promise<string> => {
  const form: unknown = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
  if (typeof form === 'object' && form !== null && 'version' in form) return String(form.version);
  throw new Error('package.json has no version');
};

export const versionCommand = (): Command =>
  new Command('version')
    .summary('print the versions of berth and of its Node')
    .description('Prints the versions of berth and of the Node that runs it.')
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
