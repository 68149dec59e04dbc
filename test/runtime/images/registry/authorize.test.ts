import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before, type TestContext } from 'node:test';
import { fetchImage } from '../../../../runtime/images/fetch-image.ts';
import type { PulledImage, PullRequest } from '../../../../runtime/images/protocol.ts';
import { parseChallenges } from '../../../../runtime/images/registry/challenge.ts';
import type { RegistryAuth } from '../../../../runtime/images/store/image.ts';
import { requestFor, startPull } from '../../../harness/berth-pull.ts';
import { buildImage, buildLayer, pushImage } from '../../../harness/oci-image.ts';
import { startRegistry, type TestRegistry, tokenFor } from '../../../harness/registry.ts';

process.umask(0);
const ENTRY = new URL('../../../../runtime/berth-pull.ts', import.meta.url);
const SECRET = 'sup3r-s3cret';
const IDENTITY = 'identity-t0ken';
const BASIC = Buffer.from(`user:${SECRET}`).toString('base64');

let basic: TestRegistry;
let token: TestRegistry;
let open: TestRegistry;
before(async () => {
  basic = await startRegistry({ auth: 'basic', password: SECRET });
  token = await startRegistry({ auth: 'token', password: SECRET, identityToken: IDENTITY });
  open = await startRegistry({ auth: 'token', password: SECRET, anonymousPull: true });
  const image = buildImage({
    layers: [buildLayer([{ path: 'a', body: 'a' }]), buildLayer([{ path: 'b', body: 'b' }])],
  });
  const repository = 'team/app';
  await pushImage({ host: basic.host, repository, authorization: `Basic ${BASIC}` }, 'v1', image);
  for (const registry of [token, open]) {
    const authorization = `Bearer ${await tokenFor(registry, repository, 'user', SECRET)}`;
    await pushImage({ host: registry.host, repository, authorization }, 'v1', image);
  }
});
after(async () => {
  await Promise.all([basic, token, open].map((registry) => registry?.stop()));
});

const request = (context: TestContext, registry: TestRegistry, auth?: RegistryAuth): PullRequest => {
  const root = mkdtempSync(join(tmpdir(), 'berth-auth-'));
  context.after(() => rmSync(root, { recursive: true, force: true }));
  return requestFor(root, registry.host, 'team/app', 'v1', { auth });
};

const fetchAll = (context: TestContext, registry: TestRegistry, auth?: RegistryAuth): Promise<PulledImage> =>
  fetchImage(request(context, registry, auth), {
    signal: AbortSignal.timeout(20_000),
    entry: ENTRY,
    onProgress: () => {},
  });

const ACCEPTED: readonly (readonly [string, RegistryAuth])[] = [
  ['user name and password', { username: 'user', password: SECRET }],
  ['auth', { auth: BASIC }],
  ['auth, the other fields empty', { auth: BASIC, username: '', password: '', identityToken: '' }],
];

for (const [how, auth] of ACCEPTED) {
  test(`a registry with basic authentication accepts ${how}`, async (context) => {
    await fetchAll(context, basic, auth);
  });
  test(`a registry with token authentication accepts ${how}`, async (context) => {
    await fetchAll(context, token, auth);
  });
}

test('an identity token is exchanged for an access token', async (context) => {
  const before = token.tokenRequests.length;
  await fetchAll(context, token, { identityToken: IDENTITY });
  assert.deepEqual(token.tokenRequests.slice(before), ['POST repository:team/app:pull identity']);
});

test('a registry token is used as it is', async (context) => {
  const registryToken = await tokenFor(token, 'team/app', 'user', SECRET);
  const before = token.tokenRequests.length;
  await fetchAll(context, token, { registryToken });
  assert.equal(token.tokenRequests.length, before);
});

test('a public repository is pulled with an anonymous token, one for manifest and all layers', async (context) => {
  const before = open.tokenRequests.length;
  await fetchAll(context, open);
  assert.deepEqual(open.tokenRequests.slice(before), ['GET repository:team/app:pull anonymous']);
});

const REFUSED: readonly (readonly [string, RegistryAuth | undefined, RegExp])[] = [
  ['no credentials', undefined, /give credentials/],
  ['a wrong password', { username: 'user', password: 'guess' }, /check the credentials/],
];

for (const [what, auth, hint] of REFUSED) {
  test(`with ${what}, both kinds of registry are Unauthenticated and say what to do`, async (context) => {
    await assert.rejects(fetchAll(context, basic, auth), { code: 'Unauthenticated', hint });
    await assert.rejects(fetchAll(context, token, auth), { code: 'Unauthenticated', hint });
  });
}

test('no secret appears in what berth-pull says or in its arguments', async (context) => {
  const wrong = { username: 'user', password: `${SECRET}-wrong`, identityToken: `${IDENTITY}-wrong` };
  const run = startPull(request(context, token, wrong));
  assert.doesNotMatch(run.child.spawnargs.join(' '), /s3cret|t0ken/);
  const output = await run.output;
  assert.match(output, /Unauthenticated/);
  assert.doesNotMatch(
    output,
    new RegExp(`s3cret|t0ken|${Buffer.from(`user:${SECRET}-wrong`).toString('base64')}`),
  );
});

test('challenges are parsed with quotes, commas in values, and several in one header', () => {
  assert.deepEqual(
    parseChallenges('Bearer realm="https://a/t?x=1,2",service="s \\"q\\"",scope="repository:a:pull,push"'),
    [
      {
        scheme: 'bearer',
        parameters: { realm: 'https://a/t?x=1,2', service: 's "q"', scope: 'repository:a:pull,push' },
      },
    ],
  );
  assert.deepEqual(parseChallenges('Basic realm=x, Bearer realm="y" , service=z'), [
    { scheme: 'basic', parameters: { realm: 'x' } },
    { scheme: 'bearer', parameters: { realm: 'y', service: 'z' } },
  ]);
  assert.deepEqual(parseChallenges('Negotiate'), [{ scheme: 'negotiate', parameters: {} }]);
  assert.deepEqual(parseChallenges(''), []);
  assert.deepEqual(parseChallenges('"'), []);
});
