import assert from 'node:assert/strict';
import test from 'node:test';
import { dnfResolver } from '../../../../src/host/packages/resolve-dnf.ts';

const answer = (said: string, wants = '0'): Map<string, string[][]> =>
  new Map([
    [
      'packages',
      [
        [
          'runc',
          '1.2-1.fc41',
          'x86_64',
          'runc-1.2-1.fc41.x86_64.rpm',
          '10',
          'a'.repeat(64),
          'https://a.example/r.rpm',
          wants,
          said,
        ],
      ],
    ],
  ]);

test('the key that signed a package is locked where the host trusts it, and else why it counts for nothing', () => {
  const signatureOf = (said: string) => dnfResolver.packagesIn(answer(said), ['runc'])['runc']?.signature;
  assert.deepEqual(signatureOf('OK e99d6ad1'), { kind: 'rpm', key: 'e99d6ad1' });
  assert.deepEqual(signatureOf('NOKEY e99d6ad1'), {
    kind: 'none',
    why: 'signed with e99d6ad1, which the host does not know',
  });
  assert.deepEqual(signatureOf(''), { kind: 'none', why: 'the package is not signed' });
});

test('a package that rpm refuses is not locked', () => {
  for (const said of ['BAD e99d6ad1', 'BAD ', 'NOTTRUSTED e99d6ad1'])
    assert.throws(() => dnfResolver.packagesIn(answer(said), ['runc']), {
      code: 'ChecksumMismatch',
      message: /rpm refuses the package runc/,
    });
});

test('a package that no trusted key signed is not locked from a repository that wants signatures checked', () => {
  for (const said of ['', 'NOKEY e99d6ad1'])
    assert.throws(() => dnfResolver.packagesIn(answer(said, '1'), ['runc']), {
      code: 'Fetch',
      message: /the package runc of https:\/\/a\.example\/r\.rpm does not pass gpgcheck/,
    });
  assert.equal(dnfResolver.packagesIn(answer('OK e99d6ad1', '1'), ['runc'])['runc']?.signature?.kind, 'rpm');
});
