import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { berth } from '../e2e/berth.ts';
import { makeWorld } from '../src/inventory/gce/world.ts';

const run = promisify(execFile);
const isThere = spawnSync('gcloud', ['--version']).status === 0;
const skip = !isThere && 'gcloud is not installed here, and neither Debian nor npm nor PyPI has it';

test('gcloud itself sees the instance that berth made and deletes it, and berth leaves that of somebody else alone', {
  skip,
}, async (t) => {
  const { api, berth, profile, folder, environment } = await makeWorld(t);
  const answer = await fetch(`${api.origin}/computeMetadata/v1/instance/service-accounts/default/token`, {
    headers: { 'metadata-flavor': 'Google' },
  });
  const { access_token: token } = (await answer.json()) as { access_token: string };
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, token);
  const gcloud = async (...args: string[]): Promise<string> => {
    const { stdout } = await run(
      'gcloud',
      ['compute', 'instances', ...args, '--zone', 'europe-west1-b', '--quiet'],
      {
        env: {
          ...process.env,
          ...environment,
          CLOUDSDK_CONFIG: join(folder, 'gcloud'),
          CLOUDSDK_CORE_PROJECT: 'test-project',
          CLOUDSDK_CORE_CHECK_GCE_METADATA: 'false',
          CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: 'true',
          CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK: 'true',
          CLOUDSDK_AUTH_ACCESS_TOKEN_FILE: tokenFile,
        },
      },
    );
    return stdout;
  };
  const file = profile('labels: { team: infra }');
  const created = await berth('hosts', 'create', file, '--yes');
  assert.equal(created.exitCode, 0, created.output);
  const described = JSON.parse(await gcloud('describe', 'node-1', '--format', 'json'));
  assert.equal(described.status, 'RUNNING');
  assert.deepEqual(described.labels, { team: 'infra', 'created-by': 'berth', 'berth-host': 'node-1' });
  const attributes = await gcloud(
    'get-guest-attributes',
    'node-1',
    '--query-path',
    'hostkeys/',
    '--format',
    'value(key)',
  );
  assert.equal(attributes.trim(), 'ssh-ed25519');
  await gcloud('delete', 'node-1');
  assert.ok(!api.instances.has('node-1'));
  const gone = await berth('verify', file);
  assert.equal(gone.exitCode, 11, gone.output);

  api.put('node-1', { labels: {}, scheduling: {} }, undefined);
  assert.equal((await berth('hosts', 'delete', file, '--yes')).exitCode, 10);
  assert.equal(JSON.parse(await gcloud('describe', 'node-1', '--format', 'json')).name, 'node-1');
  assert.deepEqual(api.refusals, []);
});

/** Says yes to what gcloud asks for a template and a group, and keeps the bodies of what it posts. */
const takesAll = async () => {
  const posted = new Map<string, unknown>();
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const path = (request.url ?? '').replace(/\?.*/, '');
    const kind = path.split('/').at(-1) ?? '';
    const self = `http://${request.headers.host}${path}`;
    const body = request.method === 'POST' ? JSON.parse(Buffer.concat(chunks).toString('utf8')) : undefined;
    if (body !== undefined) posted.set(kind, body);
    const zone = /.*\/zones\/[^/]+/.exec(self)?.[0];
    const thing = { name: kind, selfLink: self, zone };
    const operation = {
      name: 'o',
      operationType: 'insert',
      zone,
      status: 'DONE',
      selfLink: self,
      targetLink: `${self}/${body?.name}`,
    };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body === undefined ? thing : operation));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return { posted, server, origin: `http://127.0.0.1:${port}` };
};

test('gcloud takes the commands that docs/clouds.md has for a managed group, and the startup script is whole in its template', {
  skip,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-gcloud-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { posted, server, origin } = await takesAll();
  t.after(() => server.close());
  const profile = join(folder, 'node.yaml');
  const script = join(folder, 'startup.sh');
  writeFileSync(profile, 'hosts: [{ name: node, local: {} }]\nspec: { artifacts: { source: go } }\n');
  const made = await berth(
    ...['export', profile, '--os', 'debian:12', '--metadata-startup', script],
    ...['--artifacts', 'https://files.example.com/berth'],
  );
  assert.equal(made.exitCode, 0, made.output);
  const page = readFileSync(resolve(import.meta.dirname, '../../docs/clouds.md'), 'utf8').replaceAll(
    '\\\n',
    ' ',
  );
  const commands = page.split('\n').filter((line) => line.startsWith('gcloud compute instance-'));
  assert.equal(commands.length, 2, page);
  for (const command of commands)
    await run('gcloud', [...command.split(/\s+/).slice(1), '--quiet'], {
      cwd: folder,
      env: {
        ...process.env,
        CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE: `${origin}/compute/v1/`,
        CLOUDSDK_AUTH_DISABLE_CREDENTIALS: 'true',
        CLOUDSDK_CONFIG: join(folder, 'gcloud'),
        CLOUDSDK_CORE_PROJECT: 'test-project',
        CLOUDSDK_CORE_CHECK_GCE_METADATA: 'false',
        CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: 'true',
        CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK: 'true',
      },
    });
  const { properties } = posted.get('instanceTemplates') as {
    readonly properties: {
      readonly metadata: { readonly items: readonly { readonly key: string; readonly value: string }[] };
      readonly scheduling: { readonly provisioningModel: string };
    };
  };
  assert.equal(properties.scheduling.provisioningModel, 'SPOT');
  assert.deepEqual(properties.metadata.items, [
    { key: 'startup-script', value: readFileSync(script, 'utf8') },
  ]);
  const group = posted.get('instanceGroupManagers') as { readonly instanceTemplate: string };
  assert.match(group.instanceTemplate, /global\/instanceTemplates\/berth-node-1$/);
});
