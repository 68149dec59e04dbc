import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
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
