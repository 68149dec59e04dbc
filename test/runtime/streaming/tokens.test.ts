import assert from 'node:assert/strict';
import test from 'node:test';
import { failedWith } from '../../../runtime/core/fail.ts';
import { Tokens } from '../../../runtime/streaming/tokens.ts';

const at = (start: number) => {
  const clock = { now: start };
  return { clock, tokens: new Tokens<string>({ ttlMs: 1_000, limit: 3 }, () => clock.now) };
};

test('a token gives its value once', () => {
  const { tokens } = at(0);
  const token = tokens.issue('value');
  assert.match(token, /^[A-Za-z0-9_-]{43}$/);
  assert.equal(tokens.take(token), 'value');
  assert.equal(tokens.take(token), undefined);
  assert.equal(tokens.take('never issued'), undefined);
});

test('a token expires', () => {
  const { tokens, clock } = at(5_000);
  const early = tokens.issue('early');
  clock.now += 500;
  const late = tokens.issue('late');
  clock.now += 500;
  assert.equal(tokens.take(early), undefined);
  assert.equal(tokens.take(late), 'late');
});

test('tokens outstanding are limited; use and expiry make room', () => {
  const { tokens, clock } = at(0);
  const [first = ''] = ['a', 'b', 'c'].map((value) => tokens.issue(value));
  assert.throws(
    () => tokens.issue('d'),
    (error) => failedWith(error, 'ResourceExhausted'),
  );
  tokens.take(first);
  tokens.issue('d');
  assert.throws(
    () => tokens.issue('e'),
    (error) => failedWith(error, 'ResourceExhausted'),
  );
  clock.now += 1_000;
  tokens.issue('e');
});
