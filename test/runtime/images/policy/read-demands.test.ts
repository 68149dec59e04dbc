import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { readDemands, type WrittenDemand } from '../../../../runtime/images/policy/demand.ts';

const pem = (key: KeyObject): Buffer => Buffer.from(key.export({ type: 'spki', format: 'pem' }));
const sigstore = (key: WrittenDemand['keys'][number]): readonly WrittenDemand[] => [
  { type: 'sigstoreSigned', keys: [key], identity: { type: 'matchRepository' } },
];

test('keys of the kinds that sign images are read, from files and from the policy', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-keys-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const { publicKey } of [
    generateKeyPairSync('ec', { namedCurve: 'P-384' }),
    generateKeyPairSync('rsa', { modulusLength: 2048 }),
    generateKeyPairSync('ed25519'),
  ]) {
    const path = join(folder, 'key.pem');
    writeFileSync(path, pem(publicKey));
    const data = pem(publicKey).toString('base64');
    assert.deepEqual((await readDemands(sigstore({ path })))[0]?.keys, [data]);
    assert.deepEqual((await readDemands(sigstore({ data })))[0]?.keys, [data]);
  }
});

test('another key is refused by its name and kind', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-keys-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'key.pem');
  for (const [kind, { publicKey }] of [
    ['ed448', generateKeyPairSync('ed448')],
    ['x25519', generateKeyPairSync('x25519')],
    ['rsa-pss', generateKeyPairSync('rsa-pss', { modulusLength: 2048 })],
  ] as const) {
    writeFileSync(path, pem(publicKey));
    await assert.rejects(readDemands(sigstore({ path })), {
      code: 'FailedPrecondition',
      message: `image policy: the key ${path}: it is of the kind ${kind}: ECDSA, RSA and Ed25519 are verified`,
    });
  }
  await assert.rejects(readDemands(sigstore({ data: 'bm9uZQ==' })), {
    code: 'FailedPrecondition',
    message: /^image policy: the key in keyData: /,
  });
});
