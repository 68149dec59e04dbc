import { createHash } from 'node:crypto';
import { Fail } from '../../core/fail.ts';
import type { KnownKey } from './known-hosts.ts';

/** The fingerprint as ssh-keygen prints it. */
export const fingerprint = (key: Buffer): string =>
  `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;

/** The type that a public key in wire form names in its first string (RFC 4253, 6.6). */
export function keyType(key: Buffer): string {
  if (key.length < 4) return 'unknown';
  return key.toString('latin1', 4, 4 + key.readUInt32BE(0));
}

/** Signature algorithms of each key type, best first. */
const algorithmsByType: Readonly<Record<string, readonly string[]>> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
};

/**
 * Host key algorithms to offer: those of already known keys first, so that a host with several keys shows
 * the one that can be checked. ssh-rsa with SHA-1 is never offered. `wanted`: HostKeyAlgorithms of ssh_config.
 */
export function preferredAlgorithms(known: readonly KnownKey[], wanted?: readonly string[]): string[] {
  const knownTypes = known.filter((key) => key.marker === 'none').map((key) => key.type);
  const types = new Set([...knownTypes, ...Object.keys(algorithmsByType)]);
  const algorithms = [...types].flatMap((type) => algorithmsByType[type] ?? []);
  return wanted === undefined ? algorithms : wanted.filter((name) => algorithms.includes(name));
}

export interface HostKeyQuestion {
  readonly hostName: string;
  /** The host in known_hosts: `name`, or `[name]:port`. */
  readonly name: string;
  /** Where an accepted key belongs: the first of the known_hosts files. */
  readonly file: string;
  readonly known: readonly KnownKey[];
  readonly offered: Buffer;
}

/** Undefined when the offered key is the host's; else why the connection must not go on. */
export function judgeHostKey(question: HostKeyQuestion): Fail | undefined {
  const { known, offered } = question;
  const same = known.filter((entry) => entry.key.equals(offered));
  const revoked = same.find((entry) => entry.marker === 'revoked');
  if (revoked !== undefined) return revokedKey(question, revoked);
  if (same.some((entry) => entry.marker === 'none')) return undefined;
  const other = known.find((entry) => entry.marker === 'none' && entry.type === keyType(offered));
  return other === undefined ? unknownKey(question) : changedKey(question, other);
}

const describe = ({ offered }: HostKeyQuestion) => `${keyType(offered)} ${fingerprint(offered)}`;

const knownHostsLine = ({ name, offered }: HostKeyQuestion) =>
  `${name} ${keyType(offered)} ${offered.toString('base64')}`;

function unknownKey(question: HostKeyQuestion): Fail {
  const { hostName, name, file, known } = question;
  const authority = known.find((entry) => entry.marker === 'cert-authority');
  const otherTypes = known.filter((entry) => entry.marker === 'none');
  const remarks = [
    authority &&
      `${authority.file}:${authority.line} names a certificate authority: that needs transport: openssh.`,
    otherTypes.length > 0 &&
      `Known for ${name} are only other types: ${otherTypes.map((key) => `${key.type} (${key.file}:${key.line})`).join(', ')}.`,
  ].filter((remark) => typeof remark === 'string');
  return new Fail(
    'HostKeyUnknown',
    [`${hostName}: the host key of ${name} is not known: ${describe(question)}`, ...remarks].join('. '),
    {
      hint:
        `Compare the fingerprint with the one that the host prints (ssh-keygen -lf on its /etc/ssh/ssh_host_*_key.pub), ` +
        `then accept it: echo '${knownHostsLine(question)}' >> ${file}`,
      context: { fingerprint: fingerprint(question.offered), line: knownHostsLine(question), file },
    },
  );
}

function changedKey(question: HostKeyQuestion, old: KnownKey): Fail {
  const { hostName, name } = question;
  return new Fail(
    'HostKeyChanged',
    `${hostName}: the host key of ${name} changed: it shows ${describe(question)}, ` +
      `but ${old.file}:${old.line} says ${old.type} ${fingerprint(old.key)}. Somebody may be in between`,
    {
      hint:
        `If the host was reinstalled, remove the old key with: ssh-keygen -R '${name}' -f ${old.file} ` +
        '— and compare the new fingerprint with the one that the host prints.',
      context: { fingerprint: fingerprint(question.offered), file: old.file, line: old.line },
    },
  );
}

function revokedKey(question: HostKeyQuestion, entry: KnownKey): Fail {
  return new Fail(
    'HostKeyChanged',
    `${question.hostName}: the host key ${describe(question)} is marked @revoked at ${entry.file}:${entry.line}`,
    {
      hint: 'Give the host a new key (ssh-keygen -A after removing the old one) before going on.',
      context: { fingerprint: fingerprint(question.offered), file: entry.file, line: entry.line },
    },
  );
}
