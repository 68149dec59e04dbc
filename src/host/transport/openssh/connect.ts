import { access } from 'node:fs/promises';
import { Fail } from '../../../core/fail.ts';
import { printable, withoutHost } from '../../../core/text.ts';
import { systemConfigFile, userConfigFile } from '../../../inventory/ssh/config-files.ts';
import type { SshAddress } from '../../../profile/profile.ts';
import type { Connection } from '../connection.ts';
import { untilAborted } from '../interrupted.ts';
import { addressText } from '../jump-hosts.ts';
import { connectDeadlineMs } from '../login.ts';
import type { Reach } from '../reach.ts';
import { withRetries } from '../retry.ts';
import type { Become } from '../root-shell.ts';
import { Silence } from '../silence.ts';
import type { Question } from './askpass.ts';
import { OpenSshConnection } from './connection.ts';
import { type Asked, diagnose } from './diagnose.ts';
import { readLog } from './log.ts';
import { Master } from './master.ts';

type To = Omit<Reach, 'meter' | 'jumpHosts'>;

/** For each host of the way to let us in, beyond the time it has for the handshake. */
const loginMs = 30_000;

/** The exit code of a shell that does not find a program (POSIX, 2.8.2). */
const notFound = 127;

/** Connects through the ssh of this machine. `because`: what of the host needs it, for messages. */
export async function connectOpenSsh(
  to: To,
  become: Become,
  because: readonly string[],
): Promise<Connection> {
  const master = await withRetries(() => connectOnce(to, because), {
    signal: to.signal,
    onRetry: (error, afterMs) =>
      to.emit({
        kind: 'note',
        level: 'info',
        host: to.host,
        message: `${withoutHost(to.host, error.message)}; trying again in ${(afterMs / 1000).toFixed(1)} s`,
      }),
  });
  return new OpenSshConnection(to, become, master);
}

async function connectOnce(to: To, because: readonly string[]): Promise<Master> {
  const { label, ssh, signal } = to;
  const asked: Asked = { unanswered: [], passphrases: [] };
  const tooLong = Promise.withResolvers<never>();
  tooLong.promise.catch(() => {});
  const silence = new Silence((_, milliseconds) => tooLong.reject(stalls(to, milliseconds)));
  const answer = answerer(to, silence, asked, () => hasPartialSuccess(master));
  const master: Master = await Master.start({ label, ssh, include: await personsFiles(ssh), answer, signal });
  const began = performance.now();
  const hosts = 1 + (ssh.jump?.length ?? 0);
  silence.expect('the connection', hosts * (connectDeadlineMs(ssh) + loginMs));
  try {
    const connected = Promise.race([master.connected(), tooLong.promise]);
    if (await untilAborted(connected, signal, `${label}: logging in`)) return master;
    if ((await master.ended) === notFound) throw noSsh(label, because);
    throw await diagnose({ label, ssh, master, signal, asked, elapsedMs: performance.now() - began });
  } catch (error) {
    await master.close();
    throw error;
  } finally {
    silence.over();
  }
}

/** What of a person's configuration ssh reads after ours. */
async function personsFiles({ written }: SshAddress): Promise<readonly string[]> {
  if (written === undefined || written.useConfig === false) return [];
  const files =
    written.configFile === undefined ? [userConfigFile(), systemConfigFile] : [written.configFile];
  const there = await Promise.all(
    files.map((file) =>
      access(file).then(
        () => true,
        () => false,
      ),
    ),
  );
  return files.filter((_, index) => there[index]);
}

/**
 * Answers ssh: a password that the profile has for the host that is asked for, and once; everything else a person
 * knows. A question says which host or which key file it is about. A host that takes no key and asks for a password
 * that the profile does not have gets none, as with ssh2; what it asks beyond a first way that it accepted is asked.
 */
function answerer(to: To, silence: Silence, asked: Asked, partial: () => Promise<boolean>) {
  const { ssh, readSecret, host, keyring } = to;
  const given = new Set<SshAddress>();
  const secretFor = async (text: string): Promise<string | undefined> => {
    const way = [...(ssh.jump ?? []), ssh];
    const keyFile = way.flatMap(({ identityFiles }) => identityFiles).find((file) => text.includes(file));
    if (keyFile !== undefined) {
      asked.passphrases.push(keyFile);
      return await keyring.ask(`passphrase of ${keyFile}`, readSecret);
    }
    const whose = way.find(({ user, host: name }) => text.includes(`${user}@${name}`)) ?? ssh;
    const { password, user, host: name } = whose;
    if (password !== undefined && !given.has(whose)) {
      given.add(whose);
      return await readSecret(password, `password of ${user}@${name}`);
    }
    if (password === undefined && !(await partial())) return undefined;
    return await readSecret({ kind: 'prompt' }, text.replace(/:$/, ''));
  };
  return async ({ kind, text }: Question): Promise<string | undefined> => {
    const question = printable(text);
    if (kind === 'none') to.emit({ kind: 'note', level: 'warn', host, message: question });
    if (kind !== 'secret') return undefined;
    try {
      return await silence.whileAsking(() => secretFor(question));
    } catch (error) {
      asked.unanswered.push(`${question} (${error instanceof Error ? error.message : error})`);
      return undefined;
    }
  };
}

async function hasPartialSuccess(master: Master): Promise<boolean> {
  return readLog(await master.log()).partial;
}

const noSsh = (label: string, because: readonly string[]): Fail => {
  const why = because.length === 0 ? 'the profile says transport: openssh' : `it needs ${because.join(', ')}`;
  return new Fail('Unsupported', `${label}: ${why}, and this machine has no ssh`, {
    hint: 'Install OpenSSH (openssh-client or openssh-clients).',
  });
};

const stalls = ({ label, ssh }: To, milliseconds: number): Fail =>
  new Fail(
    'Unreachable',
    `${label}: ${[ssh, ...(ssh.jump?.toReversed() ?? [])].map(addressText).join(' through ')} stalls: ` +
      `no connection within ${milliseconds / 1000} s`,
    {
      hint: 'Look at the load of the host, and at the firewalls between; ssh.connectTimeout gives it more time.',
    },
  );
