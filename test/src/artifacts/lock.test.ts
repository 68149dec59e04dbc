import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import test from 'node:test';
import { formatLock } from '../../../src/artifacts/lock/format-lock.ts';
import { distributionKey, type Lock } from '../../../src/artifacts/lock/lock.ts';
import { parseLock } from '../../../src/artifacts/lock/read-lock.ts';
import { checkSignatures } from '../../../src/artifacts/release/npm-signature.ts';
import { describeLockChanges } from '../../../src/faces/lock-text.ts';

const digest = (digit: string): string => digit.repeat(64);

const packageOf = (name: string, version: string) => ({
  version,
  arch: 'amd64',
  file: `${name}_${version}_amd64.deb`,
  sha256: digest('a'),
  bytes: 10,
  address: `http://archive.example/${name}.deb`,
});

const lock = (packages: Record<string, ReturnType<typeof packageOf>> = {}): Lock => ({
  version: 1,
  architectures: ['x64', 'arm64'],
  artifacts: {
    'crictl 1.37.0': {
      signature: { kind: 'none', why: 'a test' },
      files: {
        x64: {
          sha256: digest('b'),
          bytes: 5,
          from: {
            archive: {
              name: 'a.tar.gz',
              sha256: digest('c'),
              bytes: 4,
              addresses: ['https://a.example/a.tar.gz'],
            },
          },
        },
      },
    },
  },
  release: { arm64: { version: '1', files: {} }, x64: { version: '1', files: {} } },
  packages: { 'debian:12/x64': { manager: 'apt', wanted: ['runc'], packages } },
});

test('a lock is read as it was written, versions that look like numbers included', () => {
  const one = lock({ runc: packageOf('runc', '1.10'), conntrack: packageOf('conntrack', '1:1.4.7-1+b2') });
  assert.deepEqual(parseLock(formatLock(one), 'berth.lock'), one);
});

test('the text does not depend on the order in which things were found, and a new version is one line of a diff', () => {
  const [a, b] = [packageOf('a', '1'), packageOf('b', '2')];
  const text = formatLock(lock({ a, b }));
  assert.equal(formatLock(lock({ b, a })), text);
  const newer = formatLock(lock({ a: { ...a, version: '1.1' }, b })).split('\n');
  assert.equal(text.split('\n').filter((line, at) => line !== newer[at]).length, 1);
});

test('a lock that somebody broke is refused with the place', () => {
  const text = formatLock(lock({ runc: packageOf('runc', '1.10') }));
  assert.throws(() => parseLock(text.replace(digest('b'), 'short'), '/p/berth.lock'), {
    code: 'BadProfile',
    message: /^\/p\/berth\.lock:\d+:\d+: artifacts\.crictl 1\.37\.0\.files\.x64\.sha256: is no sha256/,
  });
  assert.throws(() => parseLock(`${text}  - [`, 'berth.lock'), {
    code: 'BadProfile',
    message: /not valid YAML/,
  });
  assert.throws(() => parseLock(text.replace('version: 1', 'version: 2'), 'berth.lock'), {
    code: 'BadProfile',
  });
  assert.throws(() => parseLock('', 'berth.lock'), { code: 'BadProfile' });
});

test('changes are told by name, from one version to the other', () => {
  const before = lock({ runc: packageOf('runc', '1.10'), old: packageOf('old', '1') });
  const after = lock({ runc: packageOf('runc', '1.11'), new: packageOf('new', '2') });
  assert.deepEqual(describeLockChanges(before, after), [
    '+ new (debian:12/x64) 2',
    '- old (debian:12/x64)',
    '~ runc (debian:12/x64) 1.10 → 1.11',
  ]);
  assert.deepEqual(describeLockChanges(before, parseLock(formatLock(before), 'berth.lock')), []);
});

test('a rolling distribution has no release in its key', () => {
  assert.equal(distributionKey({ id: 'debian', versionId: '12' }, 'x64'), 'debian:12/x64');
  assert.equal(distributionKey({ id: 'arch', versionId: '' }, 'arm64'), 'arch/arm64');
});

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const key = {
  keyid: 'SHA256:test',
  key: publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
};
const pinned = { name: '@scope/it', version: '1.0.0', integrity: 'sha512-AAAA' };
const sig = sign('sha256', Buffer.from('@scope/it@1.0.0:sha512-AAAA'), privateKey).toString('base64');

test("a registry's signature is recorded once it was checked", () => {
  const signatures = [
    { keyid: 'SHA256:other', sig: 'x' },
    { keyid: key.keyid, sig },
  ];
  assert.deepEqual(checkSignatures(pinned, signatures, [key]), {
    kind: 'npm-registry',
    key: key.keyid,
    signature: sig,
  });
});

test('a signature of another integrity is refused, and one by an unknown key counts for none', () => {
  const signatures = [{ keyid: key.keyid, sig }];
  assert.throws(() => checkSignatures({ ...pinned, integrity: 'sha512-BBBB' }, signatures, [key]), {
    code: 'ChecksumMismatch',
    message: /@scope\/it@1\.0\.0 does not fit sha512-BBBB/,
  });
  assert.equal(checkSignatures(pinned, signatures, []).kind, 'none');
});
