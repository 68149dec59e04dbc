import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { Running } from '../../../e2e/berth.ts';
import { makeWorld, type World } from './world.ts';

/** Looks for the instance, which takes a token that the API gave; answers what berth said when it got none. */
const look = async (
  { environment, profile }: World,
  variables: NodeJS.ProcessEnv,
  exitCode = 0,
): Promise<string> => {
  const all = { ...environment, GOOGLE_APPLICATION_CREDENTIALS: '', ...variables };
  const run = await new Running(['hosts', 'delete', profile(''), '--yes'], all).ended;
  assert.equal(run.exitCode, exitCode, run.output);
  return run.output;
};

test('credentials come from where Google’s own libraries take them, and each kind becomes a token', async (t) => {
  const world = await makeWorld(t);
  const { api, folder, environment } = world;
  const config = join(folder, 'gcloud');
  mkdirSync(config);
  const usual = join(config, 'application_default_credentials.json');
  // Nobody is there: as on a machine that is none of Google's.
  const nowhere = { CLOUDSDK_CONFIG: config, GCE_METADATA_HOST: '127.0.0.1:9' };

  await t.test('the key of a service account, signed for this server', async () => {
    await look(world, { GOOGLE_APPLICATION_CREDENTIALS: environment['GOOGLE_APPLICATION_CREDENTIALS'] });
  });

  await t.test('the login of gcloud auth application-default login', async () => {
    const user = { type: 'authorized_user', client_id: 'id', client_secret: 'none', token_uri: api.tokenUri };
    writeFileSync(usual, JSON.stringify({ ...user, refresh_token: 'good' }));
    await look(world, nowhere);
    writeFileSync(usual, JSON.stringify({ ...user, refresh_token: 'old' }));
    const said = await look(world, nowhere, 12);
    assert.match(said, /Token has been expired or revoked[\s\S]*gcloud auth application-default login/);
    writeFileSync(usual, '{ "type": "gdch_service_account" }');
    assert.match(await look(world, nowhere, 12), /is no file of credentials that berth knows/);
  });

  await t.test('the identity of a pipeline, and the account that it may act as', async () => {
    const subject = join(folder, 'identity');
    writeFileSync(subject, 'identity of the pipeline\n');
    const account = {
      type: 'external_account',
      audience: '//iam/pool',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_url: `${api.origin}/sts`,
      credential_source: { file: subject },
    };
    writeFileSync(usual, JSON.stringify(account));
    await look(world, nowhere);
    writeFileSync(
      usual,
      JSON.stringify({ ...account, service_account_impersonation_url: `${api.origin}/impersonate` }),
    );
    await look(world, nowhere);
    writeFileSync(subject, '{ "value": "identity of the pipeline" }');
    const format = { type: 'json', subject_token_field_name: 'value' };
    writeFileSync(usual, JSON.stringify({ ...account, credential_source: { file: subject, format } }));
    await look(world, nowhere);
    writeFileSync(subject, 'somebody else');
    writeFileSync(usual, JSON.stringify(account));
    assert.match(
      await look(world, nowhere, 12),
      /gives no token for \/\/iam\/pool: 400: Invalid subject token/,
    );
  });

  await t.test('the metadata server of a machine of Google', async () => {
    const host = new URL(api.origin).host;
    await look(world, { CLOUDSDK_CONFIG: join(folder, 'none'), GCE_METADATA_HOST: host });
  });

  await t.test('the account of gcloud, and nothing at all', async () => {
    const programs = join(folder, 'bin');
    mkdirSync(programs);
    const path = `${programs}:${process.env['PATH']}`;
    const without = { CLOUDSDK_CONFIG: join(folder, 'none'), GCE_METADATA_HOST: '127.0.0.1:9', PATH: path };
    const gcloud = join(programs, 'gcloud');
    writeFileSync(
      gcloud,
      '#!/bin/sh\necho "ERROR: (gcloud.auth.print-access-token) You do not have an active account" >&2\nexit 1\n',
    );
    chmodSync(gcloud, 0o755);
    const said = await look(world, without, 12);
    assert.match(
      said,
      /there are no credentials for Google Cloud on this machine[\s\S]*GOOGLE_APPLICATION_CREDENTIALS/,
    );
    const { access_token: token } = (await (
      await fetch(`${api.origin}/computeMetadata/v1/instance/service-accounts/default/token`, {
        headers: { 'metadata-flavor': 'Google' },
      })
    ).json()) as { access_token: string };
    writeFileSync(gcloud, `#!/bin/sh\n[ "$*" = "auth print-access-token --quiet" ] && echo ${token}\n`);
    await look(world, without);
  });

  await t.test('a key that is named and is not there is not passed over', async () => {
    const said = await look(
      world,
      { ...nowhere, GOOGLE_APPLICATION_CREDENTIALS: join(folder, 'gone.json') },
      12,
    );
    assert.match(said, /GOOGLE_APPLICATION_CREDENTIALS names .*gone\.json, which cannot be read/);
  });
  assert.deepEqual(api.refusals, []);
});
