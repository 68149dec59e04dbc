import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { readPolicy } from '../../../runtime/config/policy.ts';

const read = (t: TestContext, policy: unknown) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-policy-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'policy.json'), JSON.stringify(policy));
  return readPolicy(join(folder, 'policy.json'));
};

const ACCEPT = [{ type: 'insecureAcceptAnything' }];
const scoped = (transport: string, requirement: unknown) => ({
  default: ACCEPT,
  transports: { [transport]: { 'q.io/a': [requirement] } },
});

test('all that containers-policy.json(5) knows is read, of every transport', async (t) => {
  for (const requirement of [
    { type: 'signedBy', keyType: 'GPGKeys', keyPath: '/a', signedIdentity: { type: 'matchExact' } },
    {
      type: 'signedBy',
      keyPaths: ['/a'],
      signedIdentity: { type: 'remapIdentity', prefix: 'a', signedPrefix: 'b' },
    },
    { type: 'sigstoreSigned', keyDatas: ['x'], rekorPublicKeyPath: '/r' },
    {
      type: 'sigstoreSigned',
      fulcio: { caPath: '/f' },
      signedIdentity: { type: 'exactReference', dockerReference: 'a' },
    },
    { type: 'reject' },
  ])
    assert.deepEqual((await read(t, scoped('docker', requirement))).content, scoped('docker', requirement));
});

for (const [what, policy, where] of [
  ['at the top', { default: ACCEPT, transport: {} }, /the policy has the unknown key "transport"$/],
  [
    'in the default',
    { default: [{ type: 'reject', keyPath: '/a' }] },
    /default\[0\] \(reject\) has .* "keyPath"$/,
  ],
  [
    'in a requirement',
    scoped('docker', { type: 'signedBy', keypath: '/a' }),
    /transports\.docker\["q\.io\/a"\]\[0\] \(signedBy\) has the unknown key "keypath"$/,
  ],
  [
    'in a requirement of another transport',
    scoped('atomic', { type: 'sigstoreSigned', keyType: 'x' }),
    /transports\.atomic\["q\.io\/a"\]\[0\] \(sigstoreSigned\) has the unknown key "keyType"$/,
  ],
  [
    'in an identity',
    scoped('docker', {
      type: 'signedBy',
      keyPath: '/a',
      signedIdentity: { type: 'matchExact', prefix: 'x' },
    }),
    /\[0\]\.signedIdentity \(matchExact\) has the unknown key "prefix"$/,
  ],
] as const)
  test(`a policy with an unknown key ${what} is none, and the error names file and key`, async (t) => {
    await assert.rejects(read(t, policy), (error: Error & { code?: string; hint?: string }) => {
      assert.equal(error.code, 'InvalidArgument');
      assert.match(error.message, /\/policy\.json: /);
      assert.match(error.message, where);
      assert.match(error.hint ?? '', /^known there: /);
      return true;
    });
  });
