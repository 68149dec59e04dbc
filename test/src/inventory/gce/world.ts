import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { removeHost, startHost } from '../../../../src/inventory/embedded/host.ts';
import { artifactCache, type Run, Running } from '../../../e2e/berth.ts';
import { hostAt, testOptions, uniqueAddress } from '../../../harness/embedded.ts';
import { ComputeApi } from '../../../harness/google/compute-api.ts';
import type { Behind } from '../../../harness/google/forms.ts';

/** The cloud of one test: a stand-in for Google, a key of a service account, a profile, and berth with both. */
export interface World {
  readonly api: ComputeApi;
  readonly folder: string;
  readonly environment: Record<string, string>;
  profile(gce: string, more?: string): string;
  berth(...args: string[]): Promise<Run>;
}

const keys = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

export const makeWorld = async (t: TestContext): Promise<World> => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-gce-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const api = new ComputeApi({
    project: 'test-project',
    zone: 'europe-west1-b',
    families: { 'debian-12': 'debian-12-bookworm-v20250101' },
    publicKey: keys.publicKey,
    boot,
  });
  await api.listen();
  t.after(() => api[Symbol.asyncDispose]());
  const key = join(folder, 'key.json');
  writeFileSync(
    key,
    JSON.stringify({
      type: 'service_account',
      client_email: 'berth@test-project.iam.gserviceaccount.com',
      private_key: keys.privateKey,
      private_key_id: '1',
      token_uri: api.tokenUri,
    }),
  );
  const environment = {
    CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE: `${api.origin}/compute/v1/`,
    GOOGLE_APPLICATION_CREDENTIALS: key,
    XDG_STATE_HOME: join(folder, 'state'),
    BERTH_CACHE: artifactCache,
  };
  return {
    api,
    folder,
    environment,
    profile(gce, more = '') {
      const path = join(folder, 'profile.yaml');
      const text = `hosts:\n  - name: node-1\n    gce: { ${gce} }\ndefaults:\n  gce: { project: test-project, zone: europe-west1-b }\nspec:\n  artifacts: { source: go }\n  verify: { level: smoke }\n${more}`;
      writeFileSync(path, text);
      return path;
    },
    berth: (...args) => new Running(args, environment).ended,
  };
};

/** An embedded host, with what Google's guest agent would do at its first boot. */
const boot = async (_name: string, metadata: ReadonlyMap<string, string>): Promise<Behind> => {
  const address = uniqueAddress();
  await startHost(address, testOptions);
  const host = hostAt(address);
  const [user = '', ...key] = (metadata.get('ssh-keys') ?? '').split(':');
  await host.output(`apt-get -qq update && apt-get -qq install -y --no-install-recommends sudo > /dev/null 2>&1
    useradd --create-home --shell /bin/bash ${user}
    echo '${user} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/google_sudoers
    mkdir -m 700 ~${user}/.ssh && echo '${key.join(':')}' > ~${user}/.ssh/authorized_keys && chown -R ${user}: ~${user}/.ssh
`);
  const hostKeys = readFileSync(host.ssh.knownHostsFiles[0] ?? '', 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(' ').slice(1, 3).join(' '));
  return { address: host.ssh.host, hostKeys, remove: () => removeHost(address.name, testOptions) };
};
