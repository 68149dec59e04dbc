import assert from 'node:assert/strict';
import test from 'node:test';
import { isRegistryPrefix, parseReference } from '../../../src/profile/image-reference.ts';

const digest = `sha256:${'a'.repeat(64)}`;

test('references are split into their parts', () => {
  for (const [text, registry, path, tag, wantedDigest] of [
    ['redis', undefined, 'redis', undefined, undefined],
    ['redis:alpine', undefined, 'redis', 'alpine', undefined],
    ['library/redis', undefined, 'library/redis', undefined, undefined],
    ['quay.io/crio/redis:alpine', 'quay.io', 'crio/redis', 'alpine', undefined],
    ['localhost/a', 'localhost', 'a', undefined, undefined],
    ['localhost:5000/crio/redis:alpine', 'localhost:5000', 'crio/redis', 'alpine', undefined],
    ['[fd00::1]:5000/a:b', '[fd00::1]:5000', 'a', 'b', undefined],
    [`registry.k8s.io/pause:3.10@${digest}`, 'registry.k8s.io', 'pause', '3.10', digest],
    ['a/b__c/d-e--f.g', undefined, 'a/b__c/d-e--f.g', undefined, undefined],
  ] as const)
    assert.deepEqual(parseReference(text), { registry, path, tag, digest: wantedDigest }, text);
});

test('what is no reference is told why', () => {
  for (const [text, why] of [
    ['', /empty/],
    ['quay.io/Team/redis', /"Team" must be lower-case/],
    ['redis:', /no tag/],
    ['redis:-x', /no tag/],
    ['redis@sha256:12', /64 hexadecimal/],
    [`redis@${digest}@${digest}`, /one @/],
    ['a//b', /empty/],
    ['https://quay.io/a', /registry address/],
    ['-.example/a', /registry address/],
    ['a b', /lower-case/],
  ] as const) {
    const answer = parseReference(text);
    assert.ok(typeof answer === 'string', text);
    assert.match(answer, why);
  }
});

test('registries and prefixes of image names are told from addresses of other kinds', () => {
  for (const text of [
    'docker.io',
    'localhost:5000',
    'quay.io/team',
    'mirror.example.com:443/a/b',
    '[::1]:5000',
  ])
    assert.ok(isRegistryPrefix(text), text);
  for (const text of ['', 'http://x', 'docker.io/', 'docker.io/A', '-x', 'a b', 'x:port'])
    assert.ok(!isRegistryPrefix(text), text);
});
