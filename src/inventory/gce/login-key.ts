import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import ssh2 from 'ssh2';
import { Fail } from '../../core/fail.ts';
import { readIfThere } from '../../core/read-if-there.ts';
import type { GceInstance } from '../../profile/profile.ts';

/** What berth keeps of cloud machines on this one: XDG base directories, state. */
const stateFolder = (): string =>
  join(process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state'), 'berth', 'gce');

/** Of an instance by its name: its login key outlives it, for the next one of this name. */
const folderOf = ({ project, zone, instance }: GceInstance): string =>
  join(stateFolder(), project.replaceAll(':', '_'), zone, instance);

/** Its host keys, by the number that no other instance ever has. */
export const knownHostsFile = (entry: GceInstance, id: string): string =>
  join(folderOf(entry), `known-hosts-${id}`);

export const identityFile = (entry: GceInstance): string =>
  entry.identityFile ?? join(folderOf(entry), 'id_ed25519');

/** A key that the profile names may be with an agent alone; of our own there is nothing elsewhere. */
export const hasLoginKey = async (entry: GceInstance): Promise<boolean> =>
  entry.identityFile !== undefined || (await readIfThere(identityFile(entry))) !== undefined;

/**
 * The public half of the login key, in one line. A key of our own is made where there is none.
 * @throws Fail `BadProfile` when the profile names a key that is not there
 */
export async function publicKeyFor(host: string, entry: GceInstance): Promise<string> {
  const file = identityFile(entry);
  if (entry.identityFile === undefined && (await readIfThere(file)) === undefined) await makeKey(file);
  const text = await readFile(`${file}.pub`, 'utf8').catch((cause: unknown) => {
    throw new Fail(
      'BadProfile',
      `${host}: ${file}.pub cannot be read: it is to be allowed in on the instance`,
      {
        hint: `Make it from the private key: ssh-keygen -y -f ${file} > ${file}.pub; or leave gce.identityFile out: berth makes a key.`,
        cause,
      },
    );
  });
  const [line = ''] = text.trim().split('\n');
  return line;
}

async function makeKey(file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const { private: secret, public: open } = ssh2.utils.generateKeyPairSync('ed25519', { comment: 'berth' });
  // The public half first: a private key that is there has its other half beside it.
  await writeFile(`${file}.pub`, `${open}\n`);
  await writeFile(file, secret, { mode: 0o600 });
}

export async function keepKnownHosts(file: string, alias: string, keys: readonly string[]): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(file, keys.map((key) => `${alias} ${key}\n`).join(''));
}
