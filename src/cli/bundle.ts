import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import type { Compression } from '../artifacts/bundle/write-bundle.ts';
import { byteSize, counted } from '../core/text.ts';
import type { Face } from '../faces/face.ts';
import type { FlowContext } from '../flows/context.ts';
import { exitCodes } from './exit-codes.ts';
import { type RunOptions, withRunOptions } from './options.ts';
import { requireWritable } from './write-whole.ts';

interface Options extends RunOptions {
  readonly output: string;
  readonly compress?: Compression;
  readonly list: boolean;
}

const bundle = async (context: FlowContext, face: Face, options: Options): Promise<number> => {
  const [{ makeBundle }, { requireLock }, { lockPathOf, readLock }] = await Promise.all([
    import('../flows/bundle.ts'),
    import('../flows/lock.ts'),
    import('../artifacts/lock/read-lock.ts'),
  ]);
  const file = lockPathOf(context.profile.file);
  const lock = requireLock(await readLock(file), file);
  const path = resolve(options.output);
  await requireWritable(path);
  const compression = options.compress ?? (/\.(gz|tgz)$/.test(path) ? 'gzip' : 'zstd');
  if (lock.packages === undefined) face.message('The lock has no packages: hosts must have them already.');
  const { sha256, bytes, members } = await makeBundle(context, { lock, file }, { path, compression });
  face.message(`${path}: ${counted(members, 'file')}, ${byteSize(bytes)}, sha256 ${sha256}`);
  return exitCodes.done;
};

/** The content of a bundle; no profile and no host is asked. */
const list = async (file: string, options: Options): Promise<number> => {
  const [{ listBundle }, { withFace }] = await Promise.all([
    import('../artifacts/bundle/open-bundle.ts'),
    import('./with-face.ts'),
  ]);
  return await withFace({ ...options, ci: true, verbose: false }, async (face) => {
    const { signal } = new AbortController();
    const { members } = await listBundle(file, { emit: (event) => face.emit(event), signal });
    const lines = members.map(
      ({ path, sha256, bytes }) => `${sha256}  ${byteSize(bytes).padStart(10)}  ${path}`,
    );
    const total = members.reduce((sum, { bytes }) => sum + bytes, 0);
    face.message(`${lines.join('\n')}\n${counted(members.length, 'file')}, ${byteSize(total)} unpacked`);
    face.end(exitCodes.done);
    return exitCodes.done;
  });
};

export const bundleCommand = (setExitCode: (code: number) => void): Command =>
  withRunOptions(new Command('bundle'), 'YAML file that describes the hosts; with --list, a bundle')
    .summary('pack what the lock names, for hosts that reach nothing')
    .description(
      'Writes one archive with everything that berth.lock names, packages of the distributions included, for\n' +
        'berth apply --bundle. The same lock gives the same archive, byte for byte. No host is contacted.',
    )
    .option('-o, --output <file>', 'the archive', 'bundle.tar.zst')
    .addOption(
      new Option('--compress <how>', 'zstd, or gzip where the name ends in .gz or .tgz').choices([
        'zstd',
        'gzip',
        'none',
      ]),
    )
    .option('--list', 'tell what is in a bundle', false)
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  berth bundle fleet.yaml -o bundle.tar.zst\n' +
        '  berth bundle --list bundle.tar.zst\n' +
        '  berth apply fleet.yaml --bundle bundle.tar.zst   without a way out',
    )
    .action(async (file: string, options: Options) => {
      if (options.list) return setExitCode(await list(file, options));
      const { runOnHosts } = await import('./run-command.ts');
      setExitCode(await runOnHosts(file, options, (context, face) => bundle(context, face, options)));
    });
