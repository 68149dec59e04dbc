import { stat } from 'node:fs/promises';
import { type Ended, runCommand } from '../../core/command.ts';
import { Fail } from '../../core/fail.ts';
import { type Candidate, hostNameOf } from './candidate.ts';
import { fromHome, seenFrom } from './typed-paths.ts';

/** Vagrant is slow to start, and waits for others that use the same machines. */
const deadlineSeconds = 120;

/**
 * The machines of a Vagrantfile that are up. `directory` was typed, and becomes a path as a profile in `folder` says it.
 * @throws Fail `Unsupported` where there is no vagrant, `BadUsage` when it knows no machine there
 */
export async function vagrantHosts(
  directory: string,
  { folder, signal }: { readonly folder: string; readonly signal: AbortSignal },
): Promise<readonly Candidate[]> {
  const { exitCode, stdout, stderr } = await asked(fromHome(directory), signal);
  if (exitCode === 127)
    throw new Fail('Unsupported', 'there is no vagrant on this machine', {
      hint: 'Install Vagrant, or add the machines by their addresses.',
    });
  const names = [...stdout.matchAll(/^Host\s+(\S+)/gm)].map(([, name = '']) => name);
  const folderName = directory === '.' ? 'this folder' : directory;
  if (names.length === 0)
    throw new Fail('BadUsage', `vagrant knows no machine of ${folderName} that is up: ${reasonIn(stderr)}`, {
      hint: 'Bring them up with vagrant up; vagrant status lists them.',
    });
  return names.map((machine) => candidateOf(machine, seenFrom(folder, directory)));
}

/** Vagrant tells in its first sentence what is wrong, and then on many lines what could be done. */
const reasonIn = (stderr: string): string =>
  /^.+?(?=\.?$|\. )/.exec(stderr.trim().replace(/\s+/g, ' '))?.[0] ?? 'it says nothing';

/** Each machine that is not up makes vagrant fail after it told of the others. */
async function asked(directory: string, signal: AbortSignal): Promise<Ended> {
  const isFolder = await stat(directory).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder)
    throw new Fail('BadUsage', `there is no folder ${directory}`, {
      hint: 'Name the folder of the Vagrantfile.',
    });
  return await runCommand(['vagrant', 'ssh-config'], {
    signal,
    cwd: directory,
    deadlineSeconds,
    env: { VAGRANT_NO_COLOR: '1', VAGRANT_CHECKPOINT_DISABLE: '1' },
  });
}

/** What ssh-config says of it is asked for at each run: addresses and ports of Vagrant move. */
const candidateOf = (machine: string, directory: string): Candidate => ({
  name: hostNameOf(machine),
  way: { vagrant: { machine, ...(directory === '.' ? {} : { directory }) } },
  groups: [],
  about: 'a machine of Vagrant',
});
