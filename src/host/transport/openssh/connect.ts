import { access } from 'node:fs/promises';
import { Fail } from '../../../core/fail.ts';
import { printable } from '../../../core/text.ts';
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
import { diagnose } from './diagnose.ts';
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
        message: `${error.message}; trying again in ${(afterMs / 1000).toFixed(1)} s`,
      }),
  });
  return new OpenSshConnection(to, become, master);
}

async function connectOnce(to: To, because: readonly string[]): Promise<Master> {
  const { label, ssh, signal } = to;
  const unanswered: string[] = [];
  const tooLong = Promise.withResolvers<never>();
  tooLong.promise.catch(() => {});
  const silence = new Silence((_, milliseconds) => tooLong.reject(stalls(to, milliseconds)));
  const answer = answerer(to, silence, (question) => unanswered.push(question));
  const master = await Master.start({ label, ssh, include: await personsFiles(ssh), answer, signal });
  const hosts = 1 + (ssh.jump?.length ?? 0);
  silence.expect('the connection', hosts * (connectDeadlineMs(ssh) + loginMs));
  try {
    const connected = Promise.race([master.connected(), tooLong.promise]);
    if (await untilAborted(connected, signal, `${label}: logging in`)) return master;
    if ((await master.ended) === notFound) throw noSsh(label, because);
    throw await diagnose({ label, ssh, master, signal, unanswered });
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
 * knows. A question says which host or which key file it is about.
 */
function answerer(to: To, silence: Silence, onUnanswered: (question: string) => void) {
  const { ssh, readSecret, host } = to;
  const given = new Set<SshAddress>();
  return async ({ kind, text }: Question): Promise<string | undefined> => {
    const question = printable(text).replace(/:$/, '');
    if (kind === 'none') {
      to.emit({ kind: 'note', level: 'warn', host, message: question });
      return undefined;
    }
    if (kind === 'confirm') return undefined;
    const way = [...(ssh.jump ?? []), ssh];
    const whose = way.find(({ user, host: name }) => text.includes(`${user}@${name}`)) ?? ssh;
    const isAboutKey = way.some(({ identityFiles }) => identityFiles.some((file) => text.includes(file)));
    try {
      return await silence.whileAsking(() => {
        if (isAboutKey || whose.password === undefined || given.has(whose))
          return to.keyring.ask(question, readSecret);
        given.add(whose);
        return readSecret(whose.password, `password of ${whose.user}@${whose.host}`);
      });
    } catch (error) {
      onUnanswered(`${question} (${error instanceof Error ? error.message : error})`);
      return undefined;
    }
  };
}

const noSsh = (label: string, because: readonly string[]): Fail => {
  const why = because.length === 0 ? 'the profile says transport: openssh' : `it needs ${because.join(', ')}`;
  return new Fail('Unsupported', `${label}: ${why}, and this machine has no ssh`, {
    hint: 'Install OpenSSH (openssh-client or openssh-clients).',
  });
};

const stalls = ({ label, ssh }: To, milliseconds: number): Fail =>
  new Fail(
    'DeadlineExceeded',
    `${label}: ${[ssh, ...(ssh.jump?.toReversed() ?? [])].map(addressText).join(' through ')} stalls: ` +
      `no connection within ${milliseconds / 1000} s`,
    {
      hint: 'Look at the load of the host, and at the firewalls between; ssh.connectTimeout gives it more time.',
    },
  );
