import assert from 'node:assert/strict';
import test from 'node:test';
import { checkPolicy } from '../../../runtime/images/policy/policy.ts';
import { parseReference } from '../../../runtime/images/reference.ts';

const ACCEPT = [{ type: 'insecureAcceptAnything' }];
const REJECT = [{ type: 'reject' }];
const check = (reference: string, content: unknown) =>
  checkPolicy(parseReference(reference), { file: '/etc/berth/policy.json', content });
const scoped = (scopes: Record<string, unknown>, fallback: unknown = REJECT) => ({
  default: fallback,
  transports: { docker: scopes },
});

test('the default decides where no scope does', () => {
  check('quay.io/app', { default: ACCEPT });
  assert.throws(() => check('quay.io/app', { default: REJECT }), {
    code: 'PermissionDenied',
    message: /quay\.io\/app:latest/,
  });
});

for (const scope of ['quay.io/team/app:v1', 'quay.io/team/app', 'quay.io/team', 'quay.io', '*.io', '']) {
  test(`scope ${JSON.stringify(scope)} covers quay.io/team/app:v1`, () => {
    check('quay.io/team/app:v1', scoped({ [scope]: ACCEPT }));
    assert.throws(() => check('quay.io/team/app:v1', scoped({ [scope]: REJECT }, ACCEPT)), {
      code: 'PermissionDenied',
    });
  });
}

test('the most specific scope wins', () => {
  check('quay.io/team/app', scoped({ 'quay.io': REJECT, 'quay.io/team': ACCEPT }));
  assert.throws(() => check('quay.io/team/app', scoped({ 'quay.io': ACCEPT, 'quay.io/team/app': REJECT })), {
    code: 'PermissionDenied',
  });
});

test('a scope covers no name that only begins like it', () => {
  assert.throws(() => check('quay.io/teammate/app', scoped({ 'quay.io/team': ACCEPT })), {
    code: 'PermissionDenied',
  });
});

// containers-policy.json(5): a wildcard stands for the host without its port.
test('a wildcard covers a host with a port too', () => {
  for (const scope of ['*.example.com', '*.com'])
    assert.throws(() => check('reg.example.com:443/a', scoped({ [scope]: REJECT }, ACCEPT)), {
      code: 'PermissionDenied',
    });
  check('reg.example.com:443/a', scoped({ '*.example.com': REJECT, 'reg.example.com:443': ACCEPT }));
  check('reg.example.com:443/a', scoped({ '*.example.com:443': REJECT }, ACCEPT));
});

test('all requirements of a scope must be met', () => {
  assert.throws(() => check('quay.io/app', { default: [...ACCEPT, ...REJECT] }), {
    code: 'PermissionDenied',
  });
});

test('a policy may ask for signatures by keys, in it or in files, and all that it asks for are asked for', () => {
  const policy = {
    default: [
      { type: 'signedBy', keyType: 'GPGKeys', keyPaths: ['/a.gpg', '/b.gpg'] },
      { type: 'sigstoreSigned', keyData: 'UEVN', signedIdentity: { type: 'matchRepository' } },
    ],
  };
  assert.deepEqual(check('quay.io/app', policy), [
    {
      type: 'signedBy',
      keys: [{ path: '/a.gpg' }, { path: '/b.gpg' }],
      identity: { type: 'matchRepoDigestOrExact' },
    },
    { type: 'sigstoreSigned', keys: [{ data: 'UEVN' }], identity: { type: 'matchRepository' } },
  ]);
});

for (const [what, requirement, code] of [
  ['no key', { type: 'signedBy' }, 'FailedPrecondition'],
  ['keys in two ways', { type: 'signedBy', keyPath: '/a', keyData: 'x' }, 'FailedPrecondition'],
  [
    'a key and a list of keys',
    { type: 'sigstoreSigned', keyDatas: ['x'], keyData: 'x' },
    'FailedPrecondition',
  ],
  ['no key in a list', { type: 'signedBy', keyPaths: [] }, 'FailedPrecondition'],
  ['a list of keys that are not text', { type: 'signedBy', keyPaths: ['/a', 5] }, 'FailedPrecondition'],
  ['a list where one key is due', { type: 'signedBy', keyPath: ['/a'] }, 'FailedPrecondition'],
  ['one key where a list is due', { type: 'signedBy', keyPaths: '/a' }, 'FailedPrecondition'],
  ['a list that it does not take', { type: 'signedBy', keyDatas: ['x'] }, 'FailedPrecondition'],
  ['an empty key', { type: 'signedBy', keyData: '' }, 'FailedPrecondition'],
  ['keys of another kind', { type: 'signedBy', keyType: 'X509Certificates', keyData: 'x' }, 'Unimplemented'],
  ['identities of Fulcio', { type: 'sigstoreSigned', fulcio: {} }, 'Unimplemented'],
  ['a log of Rekor', { type: 'sigstoreSigned', keyData: 'x', rekorPublicKeyData: 'y' }, 'Unimplemented'],
  [
    'an unknown identity',
    { type: 'signedBy', keyData: 'x', signedIdentity: { type: 'any' } },
    'FailedPrecondition',
  ],
] as const)
  test(`a signature with ${what} cannot be asked for, and nothing is pulled`, () => {
    assert.throws(() => check('quay.io/app', { default: [requirement] }), { code });
  });

for (const policy of [
  undefined,
  null,
  [],
  {},
  { default: [] },
  { default: 'x' },
  { default: [{ type: 'maybe' }] },
  { default: [null] },
]) {
  test(`a policy ${JSON.stringify(policy)} accepts nothing`, () => {
    assert.throws(() => check('quay.io/app', policy), { code: 'FailedPrecondition' });
  });
}

test('malformed transports are refused even when the default accepts', () => {
  assert.throws(() => check('quay.io/app', { default: ACCEPT, transports: [] }), {
    code: 'FailedPrecondition',
  });
  assert.throws(() => check('quay.io/app', scoped({ 'quay.io': 'yes' }, ACCEPT)), {
    code: 'FailedPrecondition',
  });
});
