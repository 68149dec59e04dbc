import assert from 'node:assert/strict';
import test from 'node:test';
import { checkPolicy } from '../../../runtime/images/policy/policy.ts';
import { parseReference } from '../../../runtime/images/reference.ts';

const ACCEPT = [{ type: 'insecureAcceptAnything' }];
const REJECT = [{ type: 'reject' }];
const check = (reference: string, policy: unknown): void => checkPolicy(parseReference(reference), policy);
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

test('all requirements of a scope must be met', () => {
  assert.throws(() => check('quay.io/app', { default: [...ACCEPT, ...REJECT] }), {
    code: 'PermissionDenied',
  });
});

for (const type of ['signedBy', 'sigstoreSigned']) {
  test(`${type} is refused, since signatures are not verified yet`, () => {
    assert.throws(() => check('quay.io/app', { default: [{ type }] }), {
      code: 'Unimplemented',
      message: /not supported yet/,
    });
  });
}

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
