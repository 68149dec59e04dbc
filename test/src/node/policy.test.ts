import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import test from 'node:test';
import { parse as parseYaml } from 'yaml';
import { Fail } from '../../../src/core/fail.ts';
import { bareHost, bareSystem } from '../../../src/node/bare-host.ts';
import { planNode, probeRequest } from '../../../src/node/node.ts';
import { loadTemplates } from '../../../src/node/templates.ts';
import { parseProfile } from '../../../src/profile/parse-profile.ts';

const render = await loadTemplates();
const pem = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  .publicKey.export({ type: 'spki', format: 'pem' })
  .toString();
const armour = '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEaW1w\n-----END PGP PUBLIC KEY BLOCK-----\n';

/** The files that a profile with these rules writes, by their paths. */
const written = (rules: readonly unknown[]): ReadonlyMap<string, string> => {
  const policy = JSON.stringify({ default: 'reject', rules });
  const [host] = parseProfile(
    `hosts: [{ name: a, local: {} }]\nspec: { policy: ${policy} }\n`,
    'p.yaml',
  ).hosts;
  assert.ok(host);
  const { spec } = host;
  const facts = bareHost(bareSystem('debian:12'), 'x64', probeRequest(spec, render));
  const release = { version: '1', files: [{ name: 'node', path: '/n', sha256: 'n', bytes: 1, mode: 0o755 }] };
  const supplies = { release, artifacts: new Map() };
  const { changes } = planNode({ host: 'a', spec, facts, supplies, render });
  return new Map(
    changes
      .flatMap(({ steps }) => steps)
      .flatMap((step) =>
        step.kind === 'write' && step.content.kind === 'text' ? [[step.path, step.content.text]] : [],
      ),
  );
};

test('rules about images become policy.json and registries.d as both engines read them', () => {
  const files = written([
    { images: 'quay.io/team', type: 'signedBy', key: armour, lookaside: 'https://sigs.example.com' },
    { images: 'ghcr.io', type: 'sigstoreSigned', key: pem, identity: 'matchRepository' },
    { images: 'localhost:5000', type: 'accept' },
  ]);
  assert.deepEqual(JSON.parse(files.get('/etc/berth/policy.json') ?? ''), {
    default: [{ type: 'reject' }],
    transports: {
      docker: {
        'quay.io/team': [
          {
            type: 'signedBy',
            keyType: 'GPGKeys',
            keyData: Buffer.from(armour).toString('base64'),
            signedIdentity: { type: 'matchRepoDigestOrExact' },
          },
        ],
        'ghcr.io': [
          {
            type: 'sigstoreSigned',
            keyData: Buffer.from(pem).toString('base64'),
            signedIdentity: { type: 'matchRepository' },
          },
        ],
        'localhost:5000': [{ type: 'insecureAcceptAnything' }],
      },
    },
  });
  assert.deepEqual(parseYaml(files.get('/etc/containers/registries.d/berth.yaml') ?? ''), {
    docker: {
      'quay.io/team': { lookaside: 'https://sigs.example.com' },
      'ghcr.io': { 'use-sigstore-attachments': true },
    },
  });
});

test('without rules there is the default alone, and no file about signatures', () => {
  const files = written([]);
  assert.deepEqual(JSON.parse(files.get('/etc/berth/policy.json') ?? ''), { default: [{ type: 'reject' }] });
  assert.ok(!files.has('/etc/containers/registries.d/berth.yaml'));
});

/** The problems of a profile are in the context of its error. */
const saying = (message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof Fail);
  assert.match(JSON.stringify(error.context), message);
  return true;
};

for (const [what, rule, message] of [
  [
    'that wants a signature and names no key',
    { type: 'signedBy' },
    /signedBy needs a key beside it: an OpenPGP/,
  ],
  [
    'with a key of the other kind',
    { type: 'sigstoreSigned', key: armour },
    /is not what sigstoreSigned takes/,
  ],
  ['with something else for a key', { type: 'signedBy', key: 'AAAA' }, /is no public key/],
  ['that accepts all and names a key', { type: 'accept', key: pem }, /means nothing with type: accept/],
  [
    'of cosign with a lookaside server',
    { type: 'sigstoreSigned', key: pem, lookaside: 'https://x' },
    /is for signedBy/,
  ],
  [
    'with a path for a server',
    { type: 'signedBy', key: armour, lookaside: '/sigs' },
    /is no address with https/,
  ],
] as const)
  test(`a rule ${what} is refused`, () => {
    assert.throws(() => written([{ images: 'quay.io', ...rule }]), saying(message));
  });

test('two rules about the same images are refused', () => {
  const rule = { images: 'quay.io', type: 'accept' };
  assert.throws(() => written([rule, rule]), saying(/quay\.io has a rule already/));
});
