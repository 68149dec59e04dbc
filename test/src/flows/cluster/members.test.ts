import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { Fail } from '../../../../src/core/fail.ts';
import { caCertHash } from '../../../../src/flows/cluster/invite.ts';
import {
  inOrderOfRoles,
  membersOf,
  requirePrepared,
  requireSkew,
  roundsOf,
} from '../../../../src/flows/cluster/members.ts';
import type { Facts } from '../../../../src/host/facts/probe.ts';
import { parseProfile } from '../../../../src/profile/parse-profile.ts';
import { selfSigned } from '../../../harness/self-signed.ts';
import { factsOf, type ShortFile } from '../../resources/facts.ts';

/** `NAME ROLE [VERSION]`, one host each; `loner` has no kubernetes at all. */
const hostsOf = (...words: readonly string[]) => {
  const hosts = words.map((each, index) => {
    const [name, role, version = '1.36.2'] = each.split(' ');
    const kubernetes = role === 'loner' ? '' : `kubernetes: { role: ${role}, version: ${version} }, `;
    return `  - { name: ${name}, ssh: { host: 192.0.2.${index + 1} }, spec: { ${kubernetes}cni: { networks: [{ name: n, subnets: [10.88.${index}.0/24] }] } } }`;
  });
  const text = `hosts:\n${hosts.join('\n')}\nspec: { crictl: { version: 1.36.0 }, kubernetes: { role: none, init: { controlPlaneEndpoint: "api.example:6443" } } }\n`;
  return parseProfile(text, 'fleet.yaml').hosts;
};

const kubeconfig: ShortFile = { text: 'x', mode: '600' };
const apiServer = (version: string): ShortFile => ({
  text: `spec:\n  containers:\n    image: registry.k8s.io/kube-apiserver:v${version}\n`,
  mode: '600',
});
const node = factsOf({ files: { '/etc/kubernetes/kubelet.conf': kubeconfig } });
const plane = (version = '1.36.2') =>
  factsOf({
    files: {
      '/etc/kubernetes/kubelet.conf': kubeconfig,
      '/etc/kubernetes/manifests/kube-apiserver.yaml': apiServer(version),
    },
  });
const bare = factsOf({});

const names = (hosts: readonly { readonly name: string }[]) => hosts.map(({ name }) => name).join(' ');

test('control planes come before workers, each in the order of the profile, and others where they stood', () => {
  const hosts = hostsOf('w1 worker', 'a loner', 'c1 control-plane', 'w2 worker', 'c2 control-plane');
  assert.equal(names(inOrderOfRoles(hosts)), 'a c1 c2 w1 w2');
});

const rounds: readonly (readonly [what: string, facts: Readonly<Record<string, Facts>>, rounds: string])[] = [
  ['of bare hosts the first control plane makes the cluster', {}, 'init c1; planes c2; workers w1 w2'],
  ['a cluster that is there is not made again', { c1: plane() }, 'init -; planes c2; workers w1 w2'],
  ['whoever made the cluster, it is joined', { c2: plane() }, 'init -; planes c1; workers w1 w2'],
  ['what was interrupted goes on', { c1: plane(), c2: plane(), w1: node }, 'init -; planes -; workers w2'],
  [
    'of members nothing is left',
    { c1: plane(), c2: plane(), w1: node, w2: node },
    'init -; planes -; workers -',
  ],
];

for (const [what, known, expected] of rounds)
  test(`rounds: ${what}`, () => {
    const members = membersOf(hostsOf('w1 worker', 'c1 control-plane', 'c2 control-plane', 'w2 worker'));
    const facts = new Map(members.map(({ host }) => [host.name, known[host.name] ?? bare]));
    const { init, planes, workers } = roundsOf(members, facts);
    const list = (hosts: typeof members) => names(hosts.map(({ host }) => host)) || '-';
    const told = `init ${init?.host.name ?? '-'}; planes ${list([...planes])}; workers ${list([...workers])}`;
    assert.equal(told, expected);
  });

test('only control planes and workers are members', () => {
  const members = membersOf(hostsOf('c1 control-plane', 'a standalone', 'b none', 'w1 worker'));
  assert.equal(names(members.map(({ host }) => host)), 'c1 w1');
});

test('a host that berth apply has not prepared is refused by name', () => {
  const [member] = membersOf(hostsOf('c1 control-plane'));
  assert.ok(member);
  assert.throws(
    () => requirePrepared(member, bare),
    (error) =>
      error instanceof Fail && error.code === 'HostMoved' && /c1: .*kubeadm is not there/.test(error.message),
  );
  requirePrepared(member, factsOf({ files: { '/usr/local/bin/kubeadm': { sha256: 'x' } } }));
});

const skews: readonly (readonly [
  what: string,
  server: string,
  worker: string,
  refused: RegExp | undefined,
])[] = [
  ['a worker of the same version', '1.36.2', '1.36.2', undefined],
  ['a worker with a newer patch', '1.36.0', '1.36.2', undefined],
  ['a worker with a newer minor', '1.35.4', '1.36.2', /w1: .*1\.36\.2.*1\.35\.4.*newer/],
  ['a worker three minors behind', '1.38.0', '1.35.2', undefined],
  ['a worker four minors behind', '1.39.0', '1.35.2', /w1: .*1\.35\.2.*1\.39\.0.*at most 3/],
];

for (const [what, server, worker, refused] of skews)
  test(`skew: ${what} is ${refused === undefined ? 'fine' : 'refused'}`, () => {
    const [, w1] = hostsOf('c1 control-plane', `w1 worker ${worker}`);
    const [c1] = hostsOf('c1 control-plane 1.35.0');
    assert.ok(w1 && c1);
    const hosts = [w1, c1];
    const facts = new Map([
      ['w1', bare],
      ['c1', plane(server)],
    ]);
    const check = () => requireSkew(hosts, facts);
    if (refused === undefined) return assert.doesNotThrow(check);
    assert.throws(
      check,
      (error) => error instanceof Fail && error.code === 'Unsupported' && refused.test(error.message),
    );
  });

test('the digest of a CA is what openssl makes of its public key', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-ca-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { key, certificate } = selfSigned(folder, 'kubernetes');
  const der = execFileSync('openssl', ['rsa', '-in', key, '-pubout', '-outform', 'der'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const digest = execFileSync('openssl', ['dgst', '-sha256', '-r'], { input: der, encoding: 'utf8' }).split(
    ' ',
  )[0];
  assert.equal(caCertHash(readFileSync(certificate, 'utf8')), `sha256:${digest}`);
});
