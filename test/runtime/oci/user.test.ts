import assert from 'node:assert/strict';
import test from 'node:test';
import { create } from '@bufbuild/protobuf';
import { resolveUser } from '../../../runtime/oci/user.ts';
import {
  LinuxContainerSecurityContextSchema,
  SupplementalGroupsPolicy,
} from '../../../runtime/spec/cri/api_pb.js';
import type { SecurityContextInit } from './container-fixture.ts';

const passwd = [
  'root:x:0:0:root:/root:/bin/sh',
  '# a comment',
  '',
  'web:x:1000:1001:Web:/home/web:/bin/sh',
  'nohome:x:1002:1002::',
  '2000:x:3000:3001::/home/number:/bin/sh',
  'odd:x:many:1:::',
  'crlf:x:1003:1003::/home/crlf\r:/bin/sh',
  'huge:x:4294967296:0::/:/bin/sh',
].join('\n');
const group = 'root:x:0:\nwheel:x:10:web,other\nstaff:x:50:other,web\nbad:x:ten:web2\n';

const resolve = (context: SecurityContextInit | undefined, imageUser: string, files = { passwd, group }) =>
  resolveUser(
    context === undefined ? undefined : create(LinuxContainerSecurityContextSchema, context),
    imageUser,
    files,
  );

const MERGED = [1001, 10, 50];

const RESOLVED: readonly (readonly [string, SecurityContextInit | undefined, string, readonly unknown[]])[] =
  [
    ['nothing said is root', undefined, '', [0, 0, [0], '/root']],
    ['an image’s name', undefined, 'web', [1000, 1001, MERGED, '/home/web']],
    ['an image’s number that the file knows', undefined, '1000', [1000, 1001, MERGED, '/home/web']],
    ['an image’s number that no file knows', undefined, '4711', [4711, 0, [0], '/']],
    ['a name of digits before a number', undefined, '2000', [3000, 3001, [3001], '/home/number']],
    ['uid and gid', undefined, '1003:7', [1003, 7, [7], '/home/crlf']],
    ['name and group name', undefined, 'web:wheel', [1000, 10, [10, 50], '/home/web']],
    ['a group without a user', undefined, ':wheel', [0, 10, [10], '/root']],
    ['an account without a home', undefined, 'nohome', [1002, 1002, [1002], '/']],
    [
      'the request’s number over the image’s name',
      { runAsUser: { value: 4711n } },
      'web',
      [4711, 0, [0], '/'],
    ],
    ['the request’s zero over the image’s name', { runAsUser: { value: 0n } }, 'web', [0, 0, [0], '/root']],
    ['the request’s name', { runAsUsername: 'web' }, 'root', [1000, 1001, MERGED, '/home/web']],
    [
      'the request’s group',
      { runAsUser: { value: 1000n }, runAsGroup: { value: 7n } },
      '',
      [1000, 7, [7, 10, 50], '/home/web'],
    ],
    [
      'supplemental groups, each once',
      { runAsUser: { value: 1000n }, supplementalGroups: [50n, 60n, 60n] },
      '',
      [1000, 1001, [1001, 10, 50, 60], '/home/web'],
    ],
    [
      'Strict leaves the image’s groups out',
      {
        runAsUser: { value: 1000n },
        supplementalGroups: [60n],
        supplementalGroupsPolicy: SupplementalGroupsPolicy.Strict,
      },
      '',
      [1000, 1001, [1001, 60], '/home/web'],
    ],
  ];

for (const [what, context, imageUser, expected] of RESOLVED) {
  test(`user: ${what}`, () => {
    const files = what === 'uid and gid' ? { passwd: passwd.replace('\r', ''), group } : { passwd, group };
    const { uid, gid, additionalGids, home } = resolve(context, imageUser, files);
    assert.deepEqual([uid, gid, additionalGids, home], expected);
  });
}

const REFUSED: readonly (readonly [string, SecurityContextInit | undefined, string, string, RegExp])[] = [
  [
    'an unknown name',
    undefined,
    'nobody',
    'NotFound',
    /user "nobody" is not in the container's \/etc\/passwd/,
  ],
  ['an unknown group', undefined, '0:nogroup', 'NotFound', /group "nogroup"/],
  ['a number above 2^31-1', undefined, '2147483648', 'InvalidArgument', /not between 0 and 2147483647/],
  ['a number that overflows to root', undefined, '4294967296', 'InvalidArgument', /not between/],
  ['a number of a thousand digits', undefined, '9'.repeat(1000), 'InvalidArgument', /user/],
  ['a negative request', { runAsUser: { value: -1n } }, '', 'InvalidArgument', /run_as_user -1/],
  ['a huge request', { runAsUser: { value: 2n ** 63n - 1n } }, '', 'InvalidArgument', /run_as_user/],
  [
    'a negative group',
    { runAsUser: { value: 1n }, runAsGroup: { value: -5n } },
    '',
    'InvalidArgument',
    /run_as_group/,
  ],
  [
    'a huge supplemental group',
    { supplementalGroups: [2n ** 40n] },
    '',
    'InvalidArgument',
    /supplemental_groups/,
  ],
  ['a group alone', { runAsGroup: { value: 1n } }, '', 'InvalidArgument', /run_as_group needs/],
  ['a name with a colon', { runAsUsername: 'web:wheel' }, '', 'InvalidArgument', /run_as_username/],
  ['three parts', undefined, 'a:b:c', 'InvalidArgument', /"a:b:c" is not a user/],
  ['a line end in the name', undefined, 'web\nroot', 'InvalidArgument', /control characters/],
  ['a NUL in the name', { runAsUsername: 'web\0' }, '', 'InvalidArgument', /control characters/],
  ['a carriage return in the home', undefined, 'crlf', 'InvalidArgument', /home of user crlf/],
  ['an account without a number', undefined, 'odd', 'InvalidArgument', /no numeric id/],
  ['an account whose number overflows', undefined, 'huge', 'InvalidArgument', /uid of huge/],
  ['a name of a thousand letters', undefined, 'x'.repeat(1000), 'InvalidArgument', /is not a user/],
];

for (const [what, context, imageUser, code, message] of REFUSED) {
  test(`user refused: ${what}`, () => {
    assert.throws(() => resolve(context, imageUser), { code, message });
  });
}

test('without passwd and group files, numbers work and names do not', () => {
  const none = { passwd: undefined, group: undefined };
  const context = create(LinuxContainerSecurityContextSchema, {});
  assert.deepEqual(resolveUser(context, '5:6', none), { uid: 5, gid: 6, additionalGids: [6], home: '/' });
  assert.throws(() => resolveUser(context, 'web', none), { code: 'NotFound' });
});

test('more groups than the kernel takes are refused', () => {
  const supplementalGroups = Array.from({ length: 65_537 }, (_, index) => BigInt(index));
  assert.throws(() => resolve({ supplementalGroups }, ''), { code: 'InvalidArgument', message: /65536/ });
});
