import { access, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../../../core/command.ts';
import { Fail } from '../../../core/fail.ts';
import { readIfThere } from '../../../core/read-if-there.ts';
import { withPort } from '../../../core/text.ts';
import type { SshAddress } from '../../../profile/profile.ts';
import { authenticationFailed } from '../authenticate.ts';
import { dial } from '../dial.ts';
import { judgeHostKey } from '../host-key.ts';
import { addressText } from '../jump-hosts.ts';
import { fileForNewKey, nameInKnownHosts, readKnownKeys } from '../known-keys.ts';
import { connectDeadlineMs } from '../login.ts';
import { soundsFull } from '../retry.ts';
import { afterLastLogin, type LogEvidence, readLog } from './log.ts';
import type { Master } from './master.ts';

interface Failed {
  readonly label: string;
  readonly ssh: SshAddress;
  readonly master: Master;
  readonly signal: AbortSignal;
  readonly asked: Asked;
  /** How long ssh tried. */
  readonly elapsedMs: number;
  /** Which host of the way failed; the jump hosts come first. */
  readonly place: number;
}

/** What ssh asked on the way. */
export interface Asked {
  /** Questions that nobody could answer, and why. */
  readonly unanswered: string[];
  /** Key files for which a passphrase was given. */
  readonly passphrases: string[];
}

/** Why an ssh that ended before its connection stood did not get there. */
export async function diagnose(way: Omit<Failed, 'place'>): Promise<Fail> {
  const { label, ssh, master } = way;
  const own = readLog(await master.log());
  const jump = ssh.jump ?? [];
  const failed = { ...way, place: jump.length };
  if (own.greeted || jump.length === 0) return await explain(failed, own);
  // The hosts before this one log to standard error, each after the one before it let us in.
  const { log, logins } = afterLastLogin(master.stderr());
  const hop = jump[logins];
  if (hop === undefined) return beyondJump(failed, own, jump);
  const itself = { ...way, label: `jump host ${addressText(hop)}`, ssh: hop, place: logins };
  const its = await explain(itself, readLog(log));
  return new Fail(its.code, `${label}: ${its.message}`, {
    ...(its.hint === undefined ? {} : { hint: its.hint }),
    context: its.context,
    cause: its,
  });
}

/** One host of the way, from what was logged of it. */
async function explain(failed: Failed, evidence: LogEvidence): Promise<Fail> {
  if (evidence.hostKey !== undefined && !evidence.exchanged) return await hostKeyRefused(failed, evidence);
  return evidence.exchanged ? await loginRefused(failed, evidence) : await unreachable(failed, evidence);
}

async function loginRefused({ label, ssh, asked }: Failed, evidence: LogEvidence): Promise<Fail> {
  const locked = asked.passphrases.find((file) =>
    evidence.attempts.some((attempt) => attempt.includes(file)),
  );
  if (locked !== undefined)
    return new Fail('AuthenticationFailed', `${label}: the passphrase does not open ${locked}`, {
      hint: 'Type the passphrase again, or load the key into the agent with ssh-add.',
    });
  // Without a password, keyboard-interactive was not answered unless as a second way.
  const isTried = (attempt: string) =>
    attempt !== 'keyboard-interactive' || ssh.password !== undefined || evidence.partial;
  const attempts = await Promise.all(evidence.attempts.filter(isTried).map(outcomeOf));
  const questions = asked.unanswered.map((question) => ({ label: question, outcome: 'not answered' }));
  return authenticationFailed(label, ssh, [...attempts, ...questions], evidence.offered, wordsOf(evidence));
}

async function outcomeOf(label: string): Promise<{ label: string; outcome: string }> {
  const file = /^key (\/.*)$/.exec(label)?.[1];
  const isThere =
    file === undefined ||
    file.includes(' (SHA256:') ||
    (await access(file).then(
      () => true,
      () => false,
    ));
  return { label, outcome: isThere ? 'refused' : 'no such file' };
}

const wordsOf = ({ words }: LogEvidence): Error =>
  new Error(words.slice(-5).join('; ') || 'ssh said nothing');

/** Where nothing lies between, a connection of our own tells more precisely what the network says. */
async function unreachable(failed: Failed, evidence: LogEvidence): Promise<Fail> {
  const { label, ssh, master, signal, elapsedMs } = failed;
  const { host, port } = ssh;
  const said = [...evidence.words, ...readLog(master.stderr()).words].slice(-3).join('; ');
  const isDirect = ssh.jump === undefined && ssh.beyondSsh2?.includes('ProxyCommand') !== true;
  if (isDirect) {
    try {
      (await dial({ label, host, port, signal, deadlineMs: connectDeadlineMs(ssh) })).destroy();
    } catch (error) {
      if (error instanceof Fail) return error;
      throw error;
    }
  }
  return new Fail(
    'Unreachable',
    `${label}: ${withPort(host, port)} does not complete the SSH handshake: ${said || 'ssh said nothing'}`,
    {
      hint: isDirect
        ? 'Check that an SSH server listens there; a server that is overloaded drops connections (MaxStartups).'
        : 'Run ssh with the same destination by hand, with -v, to see where the way ends.',
      context: {
        ...{ host, port, full: soundsFull(evidence.greeting) },
        // One that was silent until its deadline would be silent again.
        mayPass: isDirect && !evidence.greeted && elapsedMs < connectDeadlineMs(ssh),
      },
    },
  );
}

function beyondJump({ label, ssh, master }: Failed, own: LogEvidence, jump: readonly SshAddress[]): Fail {
  const last = jump.at(-1) ?? ssh;
  const said = [...readLog(master.stderr()).words, ...own.words].slice(-3).join('; ');
  return new Fail(
    'Unreachable',
    `${label}: jump host ${addressText(last)} does not connect us with ${withPort(ssh.host, ssh.port)}: ${said}`,
    {
      hint: 'Check that the host is up, that its sshd listens there, and the route between the two.',
      context: { host: ssh.host, port: ssh.port, mayPass: true },
    },
  );
}

/** The log has the fingerprint of the key alone; the key itself, which the remedy needs, is asked for once more. */
async function hostKeyRefused(failed: Failed, evidence: LogEvidence): Promise<Fail> {
  const { label, ssh } = failed;
  const offered = await offeredKey(failed);
  const file = fileForNewKey(ssh);
  const name = nameInKnownHosts(ssh);
  const judged =
    offered && judgeHostKey({ hostName: label, name, file, known: await readKnownKeys(ssh), offered });
  if (judged !== undefined) return judged;
  const { type, fingerprint } = evidence.hostKey ?? { type: 'a key', fingerprint: '' };
  return new Fail(
    'HostKeyUnknown',
    `${label}: ssh does not accept the host key of ${name}: ${type} ${fingerprint}: ${wordsOf(evidence).message}`,
    {
      hint: `Compare it with what the host prints, and correct its lines in ${file}.`,
      context: { fingerprint },
    },
  );
}

/**
 * The key that the host shows, noted by ssh in a known_hosts file that nobody else reads. Nothing is proven to the host
 * meanwhile: no way to log in is allowed.
 */
async function offeredKey({ master, signal, ssh, place }: Failed): Promise<Buffer | undefined> {
  const file = join(master.folder, 'shown');
  await writeFile(file, '');
  const options = {
    StrictHostKeyChecking: 'accept-new',
    UserKnownHostsFile: file,
    GlobalKnownHostsFile: '/dev/null',
    HashKnownHosts: 'no',
    PreferredAuthentications: 'none',
    BatchMode: 'yes',
  };
  const argv = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const before = master.names.slice(0, place);
  const through = before.length === 0 ? [] : ['-J', before.join(',')];
  const config = join(master.folder, 'config');
  await runCommand(['ssh', ...argv, '-F', config, ...through, '-T', '--', master.names[place] ?? ssh.host], {
    signal,
    deadlineSeconds: Math.ceil(connectDeadlineMs(ssh) / 1000) + 15,
  });
  const noted = (await readIfThere(file))?.toString('utf8').trim().split('\n').at(-1)?.split(' ')[2];
  return noted === undefined ? undefined : Buffer.from(noted, 'base64');
}
