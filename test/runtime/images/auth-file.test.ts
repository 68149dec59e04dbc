import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { Fail } from '../../../runtime/core/fail.ts';
import { loginFor, readLogins } from '../../../runtime/images/auth-file.ts';
import type { PullRequest } from '../../../runtime/images/protocol.ts';
import { createPullImage } from '../../../runtime/images/pull.ts';
import type { PullImage, RegistryAuth } from '../../../runtime/images/store/image.ts';
import { openImageStore } from '../../../runtime/images/store/open.ts';
import { startPull } from '../../harness/berth-pull.ts';
import { buildImage, buildLayer, pushImage } from '../../harness/oci-image.ts';
import { startRegistry } from '../../harness/registry.ts';

const basic = (text: string): string => Buffer.from(text, 'utf8').toString('base64');

const folderFor = (context: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-auth-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

const source = (host: string, repository: string) => ({ host, repository, insecure: false, primary: true });

test('the longest name that covers a source has its login, and Docker Hub answers to all of its names', async (context) => {
  const file = join(folderFor(context), 'auth.json');
  const auths = {
    'https://index.docker.io/v1/': { auth: basic('hub:a') },
    'quay.io': { auth: basic('quay:b') },
    'quay.io/team': { username: 'team', password: 'c' },
    'http://localhost:5000': { identitytoken: 'd' },
  };
  writeFileSync(file, JSON.stringify({ auths, credsStore: 'secretservice' }));
  const logins = await readLogins(file);
  assert.deepEqual(loginFor(source('registry-1.docker.io', 'library/redis'), logins), {
    auth: basic('hub:a'),
  });
  assert.deepEqual(loginFor(source('quay.io', 'crio/redis'), logins), { auth: basic('quay:b') });
  assert.deepEqual(loginFor(source('quay.io', 'team/app'), logins), { username: 'team', password: 'c' });
  assert.deepEqual(loginFor(source('quay.io', 'teams/app'), logins), { auth: basic('quay:b') });
  assert.deepEqual(loginFor(source('localhost:5000', 'app'), logins), { identityToken: 'd' });
  assert.equal(loginFor(source('ghcr.io', 'app'), logins), undefined);
});

test('no file means no logins, and a broken one is refused without repeating it', async (context) => {
  const folder = folderFor(context);
  assert.equal((await readLogins(join(folder, 'none.json'))).size, 0);
  const file = join(folder, 'auth.json');
  for (const text of ['{"auths": {"quay.io": {"auth": "hunter2"', '["hunter2"]', '{"auths": "hunter2"}']) {
    writeFileSync(file, text);
    await assert.rejects(readLogins(file), (error) => {
      assert.ok(error instanceof Fail && error.code === 'FailedPrecondition');
      assert.ok(error.message.includes(file));
      assert.doesNotMatch(`${error.message} ${error.hint} ${error.cause}`, /hunter2/);
      return true;
    });
  }
});

test('a pull without credentials uses those of the file, and one with credentials only its own', async (context) => {
  const registry = await startRegistry({ auth: 'basic', username: 'node', password: 'pass word' });
  context.after(() => registry.stop());
  const authorization = `Basic ${basic('node:pass word')}`;
  const image = buildImage({ layers: [buildLayer([{ path: 'a', body: 'a' }])] });
  await pushImage({ host: registry.host, repository: 'app', authorization }, 'v1', image);
  const folder = folderFor(context);
  const file = join(folder, 'auth.json');
  const pull = await pullWith(context, folder, file);
  const reference = `${registry.host}/app:v1`;
  const pulled = (auth?: RegistryAuth) => pull({ reference, auth, signal: AbortSignal.timeout(30_000) });

  await assert.rejects(pulled(), { code: 'Unauthenticated' });
  writeFileSync(file, JSON.stringify({ auths: { [registry.host]: { auth: basic('node:wrong') } } }));
  await assert.rejects(pulled(), { code: 'Unauthenticated' });
  // The changed file counts at once: no restart.
  writeFileSync(file, JSON.stringify({ auths: { [registry.host]: { auth: basic('node:pass word') } } }));
  assert.deepEqual((await pulled()).repoTags, [reference]);
  await assert.rejects(pulled({ username: 'node', password: 'wrong' }), { code: 'Unauthenticated' });
});

const pullWith = async (context: TestContext, folder: string, globalAuthFile: string): Promise<PullImage> => {
  const runs = new Set<ReturnType<typeof startPull>>();
  context.after(async () => {
    for (const run of runs) run.child.kill('SIGKILL');
    await Promise.all([...runs].map((run) => run.outcome));
  });
  const shim = {
    call: async (method: string, params: unknown) => {
      if (method !== 'pull') throw new Error(`unexpected call of ${method}`);
      const run = startPull((params as { request: PullRequest }).request);
      runs.add(run);
      return { outcome: await run.outcome };
    },
  };
  const config = {
    registries: { unqualifiedSearch: [], shortNameMode: 'enforcing', aliases: {}, registries: [] },
    policy: {
      file: '/etc/containers/policy.json',
      content: { default: [{ type: 'insecureAcceptAnything' }] },
    },
    globalAuthFile,
  } as const;
  const store = await openImageStore({ root: join(folder, 'store') });
  return createPullImage({
    store,
    shim: shim as Parameters<typeof createPullImage>[0]['shim'],
    underWay: { begin: () => undefined, end: () => undefined },
    config,
  });
};
