import { Command, Option } from 'commander';

interface BuildOptions {
  readonly arch?: 'x64' | 'arm64';
  readonly out: string;
}

export const buildReleaseCommand = (setExitCode: (code: number) => void): Command =>
  new Command('build-release')
    .summary('build the folder that apply uploads, for x64 and arm64')
    .description(
      'Bundles the runtime and lays it beside the pinned Node, as it will lie in /usr/lib/berth on a host.\n' +
        'apply does this by itself; this command is for looking at the result, and for packaging it.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  berth build-release\n  berth build-release --arch arm64 --out /srv/releases',
    )
    .addOption(new Option('--arch <name>', 'one architecture alone').choices(['x64', 'arm64']))
    .option('--out <folder>', 'where to put the release folders', 'dist')
    .action(async ({ arch, out }: BuildOptions) => {
      const { buildReleases } = await import('./build-release-run.ts');
      setExitCode(await buildReleases(arch === undefined ? ['x64', 'arm64'] : [arch], out));
    });
