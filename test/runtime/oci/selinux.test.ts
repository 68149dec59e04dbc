import assert from 'node:assert/strict';
import test from 'node:test';
import { create } from '@bufbuild/protobuf';
import { newLevel, type SelinuxWish, selinuxLabels } from '../../../runtime/oci/selinux.ts';
import { SELinuxOptionSchema } from '../../../runtime/spec/cri/api_pb.js';

const option = (fields: { user?: string; role?: string; type?: string; level?: string }) =>
  create(SELinuxOptionSchema, fields);

const labels = (wish: Partial<SelinuxWish>) =>
  selinuxLabels({
    enabled: true,
    always: false,
    privileged: false,
    container: undefined,
    pod: undefined,
    level: undefined,
    ...wish,
  });

const LABELS: readonly (readonly [string, Partial<SelinuxWish>, string | undefined])[] = [
  ['nobody asks', {}, undefined],
  [
    'the kernel has no SELinux',
    { enabled: false, always: true, container: option({ level: 's0' }) },
    undefined,
  ],
  ['privileged', { always: true, privileged: true, container: option({ level: 's0' }) }, undefined],
  ['the node labels all', { always: true, level: 's0:c1,c2' }, 'system_u:system_r:container_t:s0:c1,c2'],
  ['a level alone', { container: option({ level: 's0:c4,c5' }) }, 'system_u:system_r:container_t:s0:c4,c5'],
  [
    'the container’s words before the pod’s',
    {
      always: true,
      level: 's0:c1,c2',
      pod: option({ type: 'pod_t', level: 's0:c3,c4' }),
      container: option({ type: 'own_t', user: 'u', role: 'r' }),
    },
    'u:r:own_t:s0:c3,c4',
  ],
  [
    'a range',
    { container: option({ level: 's0-s15:c0.c1023' }) },
    'system_u:system_r:container_t:s0-s15:c0.c1023',
  ],
];
for (const [what, wish, expected] of LABELS) {
  test(`SELinux: ${what}`, () => {
    assert.equal(labels(wish)?.process, expected);
  });
}

test('SELinux: files have the process’s level and their own type', () => {
  assert.equal(
    labels({ container: option({ level: 's0:c4,c5' }) })?.file,
    'system_u:object_r:container_file_t:s0:c4,c5',
  );
});

for (const [what, fields] of [
  ['a level that is none', { level: 's0,c4,c5' }],
  ['a level that goes on', { level: 's0:c1,c2"' }],
  ['a type of two words', { type: 'a:b' }],
  ['a user with a line end', { user: 'u\n' }],
] as const) {
  test(`SELinux: ${what} is refused`, () => {
    assert.throws(() => labels({ container: option(fields) }), { code: 'InvalidArgument' });
  });
}

test('SELinux: each pod gets two categories that no other has', () => {
  const taken = new Set<string>();
  for (let round = 0; round < 500; round += 1) {
    const level = newLevel(taken);
    assert.match(level, /^s0:c\d{1,4},c\d{1,4}$/);
    assert.ok(!taken.has(level));
    taken.add(level);
  }
});
