import type { LockedPackage } from '../../artifacts/lock/lock.ts';
import { Fail } from '../../core/fail.ts';
import { quote } from '../quote.ts';
import { type Resolver, scriptText } from './resolver.ts';

const script = scriptText('resolve-dnf.sh');
const dnf4 = scriptText('resolve-dnf4.py');

/** dnf's metadata have digests that it does not tell: the packages are downloaded, which it checks, and digested. */
export const dnfResolver: Resolver = {
  script: async ({ names, held }) => {
    const versions = Object.entries(held).map(([name, { version }]) => `${name}=${version}`);
    const parameters = { wanted: names.join(' '), held: versions.join(' '), program: await dnf4 };
    const lines = Object.entries(parameters).map(([name, value]) => `${name}=${quote(value)}\n`);
    return lines.join('') + (await script);
  },
  packagesIn: (topics) => Object.fromEntries((topics.get('packages') ?? []).map(parsePackage)),
  complaint: /error|problem|no match|no package|nothing provides|failed|unable|cannot|conflict/i,
};

function parsePackage(fields: readonly string[]): [string, LockedPackage] {
  const [name = '', version = '', arch = '', file = '', bytes = '', sha256 = '', address = ''] = fields;
  const [wantsSignature = '', said = ''] = fields.slice(7);
  const signature = parseSignature(name, said);
  if (signature.kind === 'none' && wantsSignature === '1') throw untrusted(name, address, signature.why);
  return [name, { version, arch, file, sha256, bytes: Number(bytes), address, signature }];
}

/** As `rpmkeys --checksig` tells it: `OK KEY`, `NOKEY KEY`, `BAD KEY`, nothing. */
function parseSignature(name: string, said: string): NonNullable<LockedPackage['signature']> {
  const [verdict = '', key = ''] = said.split(' ');
  if (verdict === '') return { kind: 'none', why: 'the package is not signed' };
  if (verdict === 'OK') return { kind: 'rpm', key };
  if (verdict === 'NOKEY') return { kind: 'none', why: `signed with ${key}, which the host does not know` };
  throw new Fail('ChecksumMismatch', `rpm refuses the package ${name}: it is not as its maker signed it`, {
    hint: 'its repository or a proxy before it sends something else: ask who runs it',
  });
}

/** dnf itself would not install it either, and a bundle must not be the way around that. */
const untrusted = (name: string, address: string, why: string): Fail =>
  new Fail(
    'Fetch',
    `the package ${name} of ${address} does not pass gpgcheck, which its repository wants: ${why}`,
    {
      hint: 'give the host the key that you trust, with rpm --import, and lock again',
    },
  );
