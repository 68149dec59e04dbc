import { access } from 'node:fs/promises';
import { Fail } from '../../core/fail.ts';
import { readIfThere } from '../../core/read-if-there.ts';
import type { SshAddress } from '../../profile/profile.ts';
import { defaultIdentityFiles, expandHome } from './identities.ts';
import { keyTypeOf } from './key-file.ts';
import { readKnownKeys } from './known-keys.ts';

export interface Choice {
  readonly transport: 'ssh2' | 'openssh';
  /** What only OpenSSH can do for this host. */
  readonly because: readonly string[];
}

/**
 * ssh2 where it can, OpenSSH where it must: one demand of the host or of a jump host on the way decides for the whole
 * way. @throws Fail `Unsupported` where ssh2 is asked for and would not go the way that ssh_config describes, or would let in
 * a key that it revokes.
 */
export async function chooseTransport(name: string, ssh: SshAddress): Promise<Choice> {
  if (ssh.transport === 'openssh') return { transport: 'openssh', because: [] };
  if (ssh.transport === 'ssh2') {
    if (ssh.beyondSsh2?.includes('ProxyCommand')) throw cannotGo(name);
    if ([ssh, ...(ssh.jump ?? [])].some(({ beyondSsh2 }) => beyondSsh2?.includes('RevokedHostKeys')))
      throw cannotCheck(name);
    return { transport: 'ssh2', because: [] };
  }
  const because = (await Promise.all([ssh, ...(ssh.jump ?? [])].map(demandsOf))).flat();
  return { transport: because.length === 0 ? 'ssh2' : 'openssh', because };
}

const cannotGo = (name: string): Fail =>
  new Fail('Unsupported', `${name}: ssh_config has a ProxyCommand for the host, and the profile wants ssh2`, {
    hint: 'Take ssh.transport: ssh2 out of the profile, or set ssh.jump, which wins over ProxyCommand.',
  });

const cannotCheck = (name: string): Fail =>
  new Fail('Unsupported', `${name}: ssh_config has RevokedHostKeys on the way, and the profile wants ssh2`, {
    hint: 'Take ssh.transport: ssh2 out of the profile, or mark the keys as @revoked in known_hosts.',
  });

async function demandsOf(ssh: SshAddress): Promise<string[]> {
  return [
    ...(ssh.beyondSsh2 ?? []),
    ...((ssh.certificateFiles ?? []).length > 0 ? ['a user certificate'] : []),
    ...(await demandsOfIdentities(ssh)),
    ...(await demandOfAuthority(ssh)),
  ];
}

async function demandsOfIdentities({ identityFiles }: SshAddress): Promise<string[]> {
  const files = identityFiles.length > 0 ? identityFiles.map(expandHome) : defaultIdentityFiles();
  const demands = await Promise.all(files.map(demandOfIdentity));
  return demands.filter((demand) => demand !== undefined);
}

/** A key of a FIDO authenticator, or one with the certificate that ssh finds by itself. */
async function demandOfIdentity(file: string): Promise<string | undefined> {
  const text = await readIfThere(file);
  if (text === undefined) return undefined;
  if (keyTypeOf(text)?.startsWith('sk-')) return `the FIDO key ${file}`;
  const certificate = `${file}-cert.pub`;
  const there = await access(certificate).then(
    () => true,
    () => false,
  );
  return there ? `the certificate ${certificate}` : undefined;
}

/** A host that is known by who signed its key, and by nothing else. */
async function demandOfAuthority(ssh: SshAddress): Promise<string[]> {
  const known = await readKnownKeys(ssh);
  if (known.some(({ marker }) => marker === 'none')) return [];
  const authority = known.find(({ marker }) => marker === 'cert-authority');
  return authority === undefined ? [] : [`the certificate authority of ${authority.file}:${authority.line}`];
}
