import { Command, InvalidArgumentError, Option } from 'commander';
import type { Architecture } from '../artifacts/pins.ts';
import type { Face } from '../faces/face.ts';
import type { FlowContext } from '../flows/context.ts';
import { type LockOptions, requireUpgradable } from '../flows/lock-options.ts';
import { exitCodes } from './exit-codes.ts';
import { type RunOptions, withRunOptions } from './options.ts';
import { requireWritable, writeWhole } from './write-whole.ts';

interface Options extends RunOptions {
  readonly arch: readonly Architecture[];
  readonly packages: boolean;
  readonly check: boolean;
  readonly base?: string;
  readonly upgrade?: true | readonly string[];
}

const architectures = (text: string): readonly Architecture[] => {
  const names = text.split(',').map((name) => name.trim());
  const known = (['x64', 'arm64'] as const).filter((arch) => names.includes(arch));
  if (known.length === names.length) return known;
  throw new InvalidArgumentError('It must be x64, arm64, or both with a comma between them.');
};

const nameList = (text: string): readonly string[] => text.split(',').map((name) => name.trim());

const lockOptions = ({ arch, packages, upgrade, base }: Options): LockOptions => ({
  architectures: arch,
  packages,
  ...(base === undefined ? {} : { base }),
  upgrade: upgrade === true ? 'all' : (upgrade ?? []),
});

const lockProfile = async (context: FlowContext, face: Face, options: Options): Promise<number> => {
  const [{ makeLock }, { formatLock }, { lockPathOf, readLock }, { describeLockChanges }] = await Promise.all(
    [
      import('../flows/lock.ts'),
      import('../artifacts/lock/format-lock.ts'),
      import('../artifacts/lock/read-lock.ts'),
      import('../faces/lock-text.ts'),
    ],
  );
  const file = lockPathOf(context.profile.file);
  const before = await readLock(file);
  await requireWritable(file);
  requireUpgradable(lockOptions(options), before, file);
  const lock = await makeLock(context, before, lockOptions(options));
  const changes = describeLockChanges(before, lock);
  if (changes.length === 0) {
    face.message(`${file} has everything already.`);
    return exitCodes.done;
  }
  await writeWhole(file, formatLock(lock), 0o644);
  face.message(`${changes.join('\n')}\n${file} is written: look at it, and keep it in version control.`);
  return exitCodes.done;
};

const check = async (context: FlowContext, face: Face, options: Options): Promise<number> => {
  const [{ checkLock }, { requireLock }, { lockPathOf, readLock }] = await Promise.all([
    import('../flows/check-lock.ts'),
    import('../flows/lock.ts'),
    import('../artifacts/lock/read-lock.ts'),
  ]);
  const file = lockPathOf(context.profile.file);
  const lock = requireLock(await readLock(file), file);
  const found = await checkLock(context, lock, lockOptions(options));
  if (found.length === 0) {
    face.message(`${file} is what ${context.profile.file} needs.`);
    return exitCodes.done;
  }
  face.message(
    `${file} is not what ${context.profile.file} needs:\n${found.map((each) => `  - ${each}`).join('\n')}`,
  );
  return exitCodes.changesPending;
};

export const lockCommand = (setExitCode: (code: number) => void): Command =>
  withRunOptions(new Command('lock'))
    .summary('write down exactly what the hosts get')
    .description(
      'Writes berth.lock beside the profile: versions, digests, sizes and addresses of everything that apply installs,\n' +
        'packages of the distributions included, as the repositories of the hosts have them now. With a lock, plan, apply\n' +
        'and quickstart take what it says and nothing else. What it has already stays, unless --upgrade says otherwise.\n' +
        'Nothing on a host is changed.',
    )
    .addOption(
      new Option('--arch <names>', 'architectures to lock for, with commas between them')
        .choices(['x64', 'arm64'])
        .argParser(architectures)
        .default(['x64', 'arm64'] as const),
    )
    .option('--no-packages', 'leave the packages of the distributions out: no host is asked')
    .option(
      '--base <distribution>',
      'ask a bare host that is booted on this machine, e.g. debian:12, and not the hosts',
    )
    .option('--check', 'write nothing; exit code 2 when the lock is not what the profile needs', false)
    .option(
      '--upgrade [names]',
      'take anew what the lock has: everything, or crictl, image, packages, or packages by name',
      nameList,
    )
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  berth lock fleet.yaml                   write it, or add what it lacks\n' +
        '  berth lock fleet.yaml --check           in a pipeline\n' +
        '  berth lock fleet.yaml --upgrade runc    a correction of one package\n' +
        '  berth lock fleet.yaml --base debian:12  the hosts are not there yet\n' +
        '  berth lock fleet.yaml --arch x64 --no-packages',
    )
    .action(async (file: string, options: Options) => {
      const { runOnHosts } = await import('./run-command.ts');
      const work = options.check ? check : lockProfile;
      setExitCode(await runOnHosts(file, options, (context, face) => work(context, face, options)));
    });
