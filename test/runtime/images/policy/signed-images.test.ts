import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before, type TestContext } from 'node:test';
import type { Demand, Identity } from '../../../../runtime/images/policy/demand.ts';
import type { Source } from '../../../../runtime/images/registry-sources.ts';
import { candidate, pull, requestFor } from '../../../harness/berth-pull.ts';
import { buildImage, buildLayer, pushImage } from '../../../harness/oci-image.ts';
import { startRegistry, type TestRegistry } from '../../../harness/registry.ts';
import { serveFolder } from '../../../harness/serve-folder.ts';
import { attachSignature } from '../../../harness/sigstore.ts';

/*
 * skopeo and gpg sign; what sigstore's tools attach is made here as they make it (test/systems/engines.test.ts shows it to
 * CRI-O, which verifies it too).
 */

let registry: TestRegistry;
let home: string;
before(async () => {
  registry = await startRegistry();
  home = mkdtempSync(join(tmpdir(), 'berth-signed-'));
  mkdirSync(join(home, 'gnupg'), { mode: 0o700 });
  mkdirSync(join(home, 'registries.d'));
  writeFileSync(
    join(home, 'registries.d/default.yaml'),
    `default-docker:\n  lookaside-staging: file://${join(home, 'lookaside')}\n`,
  );
});
after(async () => {
  execFileSync('gpgconf', ['--kill', 'all'], { env: environment() });
  rmSync(home, { recursive: true, force: true });
  await registry.stop();
});

const environment = () => ({ ...process.env, GNUPGHOME: join(home, 'gnupg') });
const gpg = (...args: string[]): Buffer =>
  execFileSync(
    'gpg',
    ['--batch', '--quiet', '--yes', '--pinentry-mode', 'loopback', '--passphrase', '', ...args],
    {
      env: environment(),
    },
  );

/** A new OpenPGP key that signs; answers its public half, armoured, in base64. */
const newKey = (user: string, algorithm: string): string => {
  gpg('--quick-generate-key', user, algorithm, 'sign', 'never');
  return gpg('--armor', '--export', user).toString('base64');
};

const fingerprintOf = (user: string): string =>
  /^fpr:+([0-9A-F]+)/m.exec(gpg('--with-colons', '--list-keys', user).toString())?.[1] ?? '';

const push = (repository: string, tag = 'v1'): Promise<string> => {
  const layers = [
    buildLayer([
      { path: 'etc/', flag: '5' },
      { path: 'etc/name', body: repository + tag },
    ]),
  ];
  return pushImage({ host: registry.host, repository }, tag, buildImage({ layers }));
};

/** Copies the image onto itself with a signature, which skopeo writes to the lookaside folder. */
const sign = (user: string, repository: string): void => {
  const image = `docker://${registry.host}/${repository}:v1`;
  const args = [
    '--registries.d',
    join(home, 'registries.d'),
    'copy',
    '--preserve-digests',
    '--src-tls-verify=false',
  ];
  execFileSync(
    'skopeo',
    ['--insecure-policy', ...args, '--dest-tls-verify=false', '--sign-by', user, image, image],
    {
      env: environment(),
      stdio: 'pipe',
    },
  );
};

const pullSigned = (
  t: TestContext,
  repository: string,
  demand: Demand,
  signatures: Source['signatures'],
  identifier = 'v1',
) => {
  const root = mkdtempSync(join(tmpdir(), 'berth-images-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const plain = candidate(registry.host, repository, identifier);
  const sources = plain.sources.map((source) => ({
    ...source,
    ...(signatures === undefined ? {} : { signatures }),
  }));
  return pull(
    requestFor(root, registry.host, repository, identifier, {
      candidates: [{ ...plain, sources, demands: [demand] }],
    }),
  );
};

const refused = (why: RegExp) => (error: Error & { code?: string }) => {
  assert.equal(error.code, 'PermissionDenied');
  assert.match(error.message, /^SignatureValidationFailed: /);
  assert.match(error.message, why);
  return true;
};

const asSkopeo = () => ({ lookaside: `file://${join(home, 'lookaside')}`, attachments: false });
const signedBy = (...keys: string[]): Demand => ({
  type: 'signedBy',
  keys,
  identity: { type: 'matchRepoDigestOrExact' },
});

for (const algorithm of ['rsa3072', 'ed25519', 'nistp256', 'nistp521'])
  test(`an image that skopeo signs by a key of ${algorithm} is pulled by tag and by digest`, async (t) => {
    const user = `${algorithm}@test`;
    const repository = `signed/${algorithm}`;
    const key = newKey(user, algorithm);
    const digest = await push(repository);
    sign(user, repository);
    const pulled = await pullSigned(t, repository, signedBy(key), asSkopeo());
    assert.deepEqual(pulled.manifestDigests, [digest]);
    await pullSigned(t, repository, signedBy(key), asSkopeo(), digest);
  });

test('signatures come from a server too, and one that another key made does not count', async (t) => {
  const [mine, other] = [newKey('mine@test', 'ed25519'), newKey('other@test', 'ed25519')];
  await push('team/app');
  sign('other@test', 'team/app');
  const address = await serveFolder(t, join(home, 'lookaside'), '127.0.0.1');
  const server = { lookaside: address, attachments: false };
  await assert.rejects(
    pullSigned(t, 'team/app', signedBy(mine), server),
    refused(/which the policy does not name/),
  );
  await pullSigned(t, 'team/app', signedBy(other), server);
  await pullSigned(t, 'team/app', signedBy(mine, other), server);
});

test('an image without a signature is not pulled, and where was looked is told', async (t) => {
  const key = newKey('none@test', 'ed25519');
  const digest = await push('team/unsigned');
  await assert.rejects(
    pullSigned(t, 'team/unsigned', signedBy(key), asSkopeo()),
    refused(
      new RegExp(`there is none: nothing at file:.*/team/unsigned@${digest.replace(':', '=')}/signature-1`),
    ),
  );
});

test('a signature holds for its image alone: not for another manifest, nor another tag', async (t) => {
  const key = newKey('moved@test', 'ed25519');
  const first = await push('team/moved');
  sign('moved@test', 'team/moved');
  const second = await push('team/moved', 'v2');
  const place = (digest: string) => join(home, 'lookaside/team', `moved@${digest.replace(':', '=')}`);
  mkdirSync(place(second));
  writeFileSync(join(place(second), 'signature-1'), readFileSync(join(place(first), 'signature-1')));
  await assert.rejects(
    pullSigned(t, 'team/moved', signedBy(key), asSkopeo(), 'v2'),
    refused(new RegExp(`it is for another manifest, ${first}`)),
  );
  const { host } = registry;
  execFileSync('skopeo', [
    '--insecure-policy',
    'copy',
    '--preserve-digests',
    '--src-tls-verify=false',
    '--dest-tls-verify=false',
    `docker://${host}/team/moved:v1`,
    `docker://${host}/team/moved:other`,
  ]);
  await assert.rejects(
    pullSigned(t, 'team/moved', signedBy(key), asSkopeo(), 'other'),
    refused(/it is for .*team\/moved:v1, which matchRepoDigestOrExact does not take/),
  );
});

test('a signature that somebody altered is none, whichever of its bytes it is', async (t) => {
  const key = newKey('altered@test', 'rsa2048');
  const digest = await push('team/altered');
  sign('altered@test', 'team/altered');
  const file = join(home, 'lookaside/team', `altered@${digest.replace(':', '=')}`, 'signature-1');
  const right = readFileSync(file);
  for (const at of [0, 1, 40, Math.floor(right.length / 2), right.length - 1]) {
    const altered = Buffer.from(right);
    altered.writeUInt8(altered.readUInt8(at) ^ 0x11, at);
    writeFileSync(file, altered);
    await assert.rejects(
      pullSigned(t, 'team/altered', signedBy(key), asSkopeo()),
      refused(/./),
      `byte ${at}`,
    );
  }
  writeFileSync(file, right);
  await pullSigned(t, 'team/altered', signedBy(key), asSkopeo());
});

test('a place with many wrong signatures does not fill the error with them', async (t) => {
  const key = newKey('many@test', 'ed25519');
  const digest = await push('team/many');
  const folder = join(home, 'lookaside/team', `many@${digest.replace(':', '=')}`);
  mkdirSync(folder, { recursive: true });
  for (let number = 1; number <= 5; number += 1) writeFileSync(join(folder, `signature-${number}`), 'none');
  await assert.rejects(
    pullSigned(t, 'team/many', signedBy(key), asSkopeo()),
    refused(/accepts: (this is no OpenPGP packet; ){3}and 2 more$/),
  );
});

test('a key that its owner has revoked, or whose time is over, signs nothing', async (t) => {
  const good = newKey('revoked@test', 'ed25519');
  await push('team/revoked');
  sign('revoked@test', 'team/revoked');
  await pullSigned(t, 'team/revoked', signedBy(good), asSkopeo());
  const folder = join(home, 'gnupg/openpgp-revocs.d');
  const certificate = readFileSync(join(folder, `${fingerprintOf('revoked@test')}.rev`), 'utf8').replace(
    /^:/m,
    '',
  );
  writeFileSync(join(home, 'revoke.asc'), certificate);
  gpg('--import', join(home, 'revoke.asc'));
  const revoked = gpg('--armor', '--export', 'revoked@test').toString('base64');
  await assert.rejects(pullSigned(t, 'team/revoked', signedBy(revoked), asSkopeo()), {
    code: 'FailedPrecondition',
    message: /none of its OpenPGP keys can sign/,
  });
  newKey('short@test', 'ed25519');
  await push('team/short');
  sign('short@test', 'team/short');
  gpg('--quick-set-expire', fingerprintOf('short@test'), 'seconds=1');
  await new Promise((done) => setTimeout(done, 2100));
  const short = gpg('--armor', '--export', 'short@test').toString('base64');
  await assert.rejects(pullSigned(t, 'team/short', signedBy(short), asSkopeo()), refused(/has expired/));
});

test('what is no key, or one of a kind that signs no images, stops the pull and names the policy', async (t) => {
  await push('team/badkey');
  const noKey = Buffer.from('no key').toString('base64');
  for (const [type, key, why] of [
    ['signedBy', noKey, /image policy: /],
    ['sigstoreSigned', noKey, /image policy: /],
    [
      'sigstoreSigned',
      pem(generateKeyPairSync('ed448').publicKey),
      /image policy: .*it is of the kind ed448/,
    ],
  ] as const)
    await assert.rejects(
      pullSigned(t, 'team/badkey', { type, keys: [key], identity: { type: 'matchRepository' } }, asSkopeo()),
      { code: 'FailedPrecondition', message: why },
    );
});

const pem = (key: KeyObject): string =>
  Buffer.from(key.export({ type: 'spki', format: 'pem' })).toString('base64');
const sigstoreSigned = (key: KeyObject, identity: Identity = { type: 'matchRepository' }): Demand => ({
  type: 'sigstoreSigned',
  keys: [pem(key)],
  identity,
});
const attached = { lookaside: undefined, attachments: true };

for (const [name, pair] of [
  ['ECDSA', generateKeyPairSync('ec', { namedCurve: 'P-256' })],
  ['Ed25519', generateKeyPairSync('ed25519')],
  ['RSA', generateKeyPairSync('rsa', { modulusLength: 2048 })],
] as const)
  test(`an image with an attached signature by a key of ${name} is pulled; by another key it is not`, async (t) => {
    const repository = `sigstore/${name.toLowerCase()}`;
    const at = { host: registry.host, repository };
    const digest = await push(repository);
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await assert.rejects(
      pullSigned(t, repository, sigstoreSigned(pair.publicKey), attached),
      refused(/there is none: nothing at .*:sha256-[0-9a-f]{64}\.sig/),
    );
    await attachSignature(at, digest, pair.privateKey);
    await pullSigned(t, repository, sigstoreSigned(pair.publicKey), attached);
    await assert.rejects(
      pullSigned(t, repository, sigstoreSigned(other.publicKey), attached),
      refused(/not by a key that the policy names/),
    );
    await assert.rejects(
      pullSigned(t, repository, sigstoreSigned(pair.publicKey, { type: 'matchExact' }), attached),
      refused(/which matchExact does not take/),
    );
    await assert.rejects(
      pullSigned(t, repository, sigstoreSigned(pair.publicKey), { lookaside: undefined, attachments: false }),
      refused(/registries\.d names no place/),
    );
  });

test('nothing of a refused image is left in the store', async (t) => {
  const key = newKey('left@test', 'ed25519');
  await push('team/left');
  const root = mkdtempSync(join(tmpdir(), 'berth-images-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const plain = candidate(registry.host, 'team/left', 'v1');
  const request = requestFor(root, registry.host, 'team/left', 'v1', {
    candidates: [{ ...plain, demands: [signedBy(key)] }],
  });
  await assert.rejects(pull(request), refused(/there is none/));
  const left = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  assert.deepEqual(
    left.map(({ name }) => name),
    [],
  );
});
