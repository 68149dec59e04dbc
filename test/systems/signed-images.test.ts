import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { berth, profileFor } from '../e2e/berth.ts';
import { writeCrioBundle } from '../harness/crio/bundle.ts';
import { crioReleases } from '../harness/crio/releases.ts';
import { newSigningKey } from '../harness/crio/signing-key.ts';
import { templatesOf } from '../harness/crio/templates.ts';
import { embeddedHost } from '../harness/embedded.ts';
import { buildImage, buildLayer, pushImage } from '../harness/oci-image.ts';
import { startRegistry } from '../harness/registry.ts';
import { serveFolder } from '../harness/serve-folder.ts';
import { attachSignature } from '../harness/sigstore.ts';

/*
 * One profile says whose images may run, and both engines heed it: policy.json and registries.d are the files of
 * containers/image, which CRI-O reads by itself.
 */

const {
  versions: [version],
  refused,
} = await crioReleases();

/** A way from the host to a port of this machine's loopback. */
async function relayed(t: TestContext, from: string, port: string): Promise<void> {
  const child = spawn('socat', [`TCP-LISTEN:${port},bind=${from},fork,reuseaddr`, `TCP:127.0.0.1:${port}`]);
  t.after(async () => {
    child.kill();
    await once(child, 'close');
  });
  await once(child, 'spawn');
}

const repositories = ['openpgp', 'sigstore', 'unsigned', 'other'] as const;

test('images with the signatures that the profile asks for are pulled by both engines, others by neither', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-signed-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const registry = await startRegistry();
  t.after(() => registry.stop());
  const host = await embeddedHost(t);
  const machine = `${host.address.network}.1`;
  const port = registry.host.split(':')[1] ?? '';
  await relayed(t, machine, port);
  const place = `${machine}:${port}`;

  const key = await newSigningKey(t);
  const lookaside = join(folder, 'lookaside');
  mkdirSync(join(folder, 'registries.d'));
  mkdirSync(lookaside);
  writeFileSync(
    join(folder, 'registries.d/all.yaml'),
    `default-docker: { lookaside-staging: "file://${lookaside}" }\n`,
  );
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  for (const repository of repositories) {
    const layers = [
      buildLayer([
        { path: 'etc/', flag: '5' },
        { path: 'etc/name', body: repository },
      ]),
    ];
    const digest = await pushImage({ host: registry.host, repository }, 'v1', buildImage({ layers }));
    if (repository === 'sigstore')
      await attachSignature(
        { host: registry.host, repository },
        digest,
        pair.privateKey,
        `${place}/sigstore`,
      );
  }
  const image = `docker://${registry.host}/openpgp:v1`;
  const identity = `${place}/openpgp:v1`;
  execFileSync(
    'skopeo',
    [
      ...['--insecure-policy', '--registries.d', join(folder, 'registries.d'), 'copy', '--preserve-digests'],
      ...['--src-tls-verify=false', '--dest-tls-verify=false', '--sign-by', 'packages@test'],
      ...['--sign-identity', identity, image, image],
    ],
    { env: { ...process.env, GNUPGHOME: key.home }, stdio: 'pipe' },
  );
  const server = await serveFolder(t, lookaside, machine);

  const text = (pem: string): string => pem.trimEnd().replaceAll('\n', '\n          ');
  const pem = pair.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const rules = `  policy:
    rules:
      - images: ${place}/openpgp
        type: signedBy
        lookaside: ${server}
        key: |
          ${text(key.publicKey)}
      - images: ${place}
        type: sigstoreSigned
        identity: matchRepository
        key: |
          ${text(pem)}
`;
  const profile = (engine = ''): string => {
    const path = profileFor(
      host,
      folder,
      `  packages: { extra: [libglib2.0-0] }\n${templatesOf(folder)}${engine}${rules}`,
      `{ source: auto, folder: ${folder} }`,
    );
    execFileSync('sed', ['-i', `s/insecure: \\[/insecure: ["${place}", /`, path]);
    return path;
  };

  const judged = async (): Promise<void> => {
    for (const repository of repositories) {
      const pull = await host.run(`crictl pull ${place}/${repository}:v1`);
      if (repository === 'openpgp' || repository === 'sigstore') assert.equal(pull.exitCode, 0, pull.stderr);
      else {
        assert.notEqual(pull.exitCode, 0, repository);
        assert.match(pull.stderr, /SignatureValidationFailed/, pull.stderr);
      }
    }
    assert.doesNotMatch(await host.output('crictl images'), /unsigned|other/);
    await host.output('crictl rmi --all');
  };

  await t.test('by berth', async () => {
    const { exitCode, output } = await berth('apply', profile(), '--yes');
    assert.equal(exitCode, 0, output);
    await judged();
  });

  const skip = version === undefined ? `the Go module proxy has no CRI-O: ${refused}` : (false as const);
  await t.test('by CRI-O, from the same files', { skip }, async () => {
    assert.ok(version);
    await writeCrioBundle(folder, version);
    const engine = `  engine: { name: cri-o, source: static, version: ${version} }\n`;
    const { exitCode, output } = await berth('apply', profile(engine), '--yes');
    assert.equal(exitCode, 0, output);
    await judged();
  });
});
