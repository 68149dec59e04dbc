import assert from 'node:assert/strict';
import test from 'node:test';
import { fitsIdentity, type Identity } from '../../../../runtime/images/policy/demand.ts';

const digest = `sha256:${'a'.repeat(64)}`;

// containers-policy.json(5), signedIdentity.
for (const [identity, wanted, signed, fits] of [
  ['matchRepoDigestOrExact', 'q.io/t/a:1', 'q.io/t/a:1', true],
  ['matchRepoDigestOrExact', 'q.io/t/a:1', 'q.io/t/a:2', false],
  ['matchRepoDigestOrExact', 'q.io/t/a:1', 'q.io/t/a', false],
  ['matchRepoDigestOrExact', `q.io/t/a@${digest}`, 'q.io/t/a:2', true],
  ['matchRepoDigestOrExact', `q.io/t/a@${digest}`, 'q.io/t/b:2', false],
  ['matchRepoDigestOrExact', `q.io/t/a@${digest}`, 'q.io/t/a', false],
  ['matchExact', 'q.io/t/a:1', 'q.io/t/a:1', true],
  ['matchExact', `q.io/t/a@${digest}`, `q.io/t/a@${digest}`, false],
  ['matchRepository', 'q.io/t/a:1', 'q.io/t/a', true],
  ['matchRepository', 'q.io/t/a:1', 'q.io/t/ab:1', false],
  ['matchRepository', 'docker.io/library/redis:7', 'redis:6', true],
] as const)
  test(`${identity}: a signature for ${signed} ${fits ? 'is one' : 'is none'} for ${wanted}`, () => {
    assert.equal(fitsIdentity({ type: identity }, wanted, signed), fits);
  });

for (const [prefix, signedPrefix, wanted, signed, fits] of [
  ['mirror.io/up', 'q.io/t', 'mirror.io/up/a:1', 'q.io/t/a:1', true],
  ['mirror.io/up', 'q.io/t', 'mirror.io/upper/a:1', 'q.io/tper/a:1', false],
  ['mirror.io/up', 'q.io/t', 'other.io/a:1', 'other.io/a:1', true],
  ['mirror.io/up/a', 'q.io/t/b', 'mirror.io/up/a:1', 'q.io/t/b:1', true],
  ['mirror.io/up/a', 'q.io/t/b', `mirror.io/up/a@${digest}`, 'q.io/t/b:1', true],
  ['mirror.io', 'q.io', 'mirror.io/a:1', 'q.io/a:1', true],
  // Another port is another host.
  ['mirror.io', 'q.io', 'mirror.io:5000/a:1', 'q.io:5000/a:1', false],
  ['mirror.io:5000', 'q.io', 'mirror.io:5000/a:1', 'q.io/a:1', true],
] as const)
  test(`remapIdentity of ${prefix}: a signature for ${signed} ${fits ? 'is one' : 'is none'} for ${wanted}`, () => {
    const remap: Identity = { type: 'remapIdentity', prefix, signedPrefix };
    assert.equal(fitsIdentity(remap, wanted, signed), fits);
  });

test('an exact identity is the one that the policy writes, whatever the image is called', () => {
  const exact: Identity = { type: 'exactReference', dockerReference: 'q.io/t/a:1' };
  assert.ok(fitsIdentity(exact, 'mirror.io/a:9', 'q.io/t/a:1'));
  assert.ok(!fitsIdentity(exact, 'q.io/t/a:2', 'q.io/t/a:2'));
  const repository: Identity = { type: 'exactRepository', dockerRepository: 'q.io/t/a' };
  assert.ok(fitsIdentity(repository, 'mirror.io/a:9', 'q.io/t/a:7'));
});
