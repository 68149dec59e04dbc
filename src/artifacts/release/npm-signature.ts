import { createPublicKey, verify } from 'node:crypto';
import { runCommand } from '../../core/command.ts';
import { Fail } from '../../core/fail.ts';
import { downloadText } from '../download.ts';
import type { Signature } from '../lock/lock.ts';
import type { Work } from '../report.ts';

/** What a registry tells of a package: its `dist` object. */
interface Dist {
  readonly integrity: string;
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
}

export interface RegistryKey {
  readonly keyid: string;
  /** SubjectPublicKeyInfo in base64: ECDSA on the curve P-256. */
  readonly key: string;
}

/**
 * Who signed an npm package, as far as its registry tells: https://docs.npmjs.com/about-registry-signatures. The keys come
 * from the same registry, so a signature proves as much as the registry's TLS certificate does, and stays provable later.
 * @throws Fail `ChecksumMismatch` when there is a signature and it is wrong
 */
export async function npmSignature(
  pinned: { readonly name: string; readonly version: string; readonly integrity: string },
  work: Work,
): Promise<Signature> {
  const options = { signal: work.signal, deadlineSeconds: 60, endsWithUs: true };
  const spec = `${pinned.name}@${pinned.version}`;
  const answer = await runCommand(['npm', 'view', '--json', spec, 'dist'], options);
  if (answer.exitCode !== 0) return { kind: 'none', why: 'the registry could not be asked' };
  const { signatures } = parseDist(answer.stdout, spec);
  if (signatures.length === 0)
    return { kind: 'none', why: 'the registry gives no signature of this package' };
  const registry = (await runCommand(['npm', 'config', 'get', 'registry'], options)).stdout.trim();
  const text = await downloadText(`${registry.replace(/\/+$/, '')}/-/npm/v1/keys`, work);
  if (text === undefined) return { kind: 'none', why: 'the registry signs, and does not publish its keys' };
  return checkSignatures(pinned, signatures, parseKeys(text));
}

/** @throws Fail `ChecksumMismatch` for a signature by a known key that does not fit name, version and integrity */
export function checkSignatures(
  { name, version, integrity }: { name: string; version: string; integrity: string },
  signatures: Dist['signatures'],
  keys: readonly RegistryKey[],
): Signature {
  const known = signatures.flatMap((each) => {
    const key = keys.find(({ keyid }) => keyid === each.keyid);
    return key === undefined ? [] : [{ ...each, key }];
  });
  const [first] = known;
  if (first === undefined)
    return { kind: 'none', why: 'it is signed with keys that the registry does not publish' };
  const publicKey = createPublicKey({
    key: Buffer.from(first.key.key, 'base64'),
    format: 'der',
    type: 'spki',
  });
  const message = Buffer.from(`${name}@${version}:${integrity}`);
  if (verify('sha256', message, publicKey, Buffer.from(first.sig, 'base64')))
    return { kind: 'npm-registry', key: first.keyid, signature: first.sig };
  throw new Fail(
    'ChecksumMismatch',
    `the registry's signature of ${name}@${version} does not fit ${integrity}`,
    {
      hint: 'the registry or a proxy before it tells of another package than the one that package-lock.json pins',
    },
  );
}

function parseDist(text: string, spec: string): Dist {
  const dist: unknown = JSON.parse(text);
  if (
    typeof dist !== 'object' ||
    dist === null ||
    !('integrity' in dist) ||
    typeof dist.integrity !== 'string'
  )
    throw new Fail('Fetch', `npm view ${spec} does not tell its integrity`);
  const list: readonly unknown[] =
    'signatures' in dist && Array.isArray(dist.signatures) ? dist.signatures : [];
  return {
    integrity: dist.integrity,
    signatures: list.flatMap((each) => {
      if (typeof each !== 'object' || each === null || !('keyid' in each) || !('sig' in each)) return [];
      return [{ keyid: String(each.keyid), sig: String(each.sig) }];
    }),
  };
}

function parseKeys(text: string): RegistryKey[] {
  const answer: unknown = JSON.parse(text);
  if (typeof answer !== 'object' || answer === null || !('keys' in answer) || !Array.isArray(answer.keys))
    return [];
  return answer.keys.flatMap((each: unknown) => {
    if (typeof each !== 'object' || each === null || !('keyid' in each) || !('key' in each)) return [];
    return [{ keyid: String(each.keyid), key: String(each.key) }];
  });
}
