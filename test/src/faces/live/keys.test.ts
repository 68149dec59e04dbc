import assert from 'node:assert/strict';
import test from 'node:test';
import { afterWish, type Extent, type Wish, wishesOf } from '../../../../src/faces/live/keys.ts';
import type { LiveState } from '../../../../src/faces/live/state.ts';
import { failing, fleet, looked, started, stateAfter } from './story.ts';

const story = stateAfter([
  started(fleet(4)),
  ...fleet(4).flatMap((host) => looked(host)),
  ...failing('node-3'),
]);
const now = 60_000;

const after = (wishes: readonly Wish[], extent: Extent = { rows: 100, shown: 10 }): LiveState['looking'] =>
  wishes.reduce((state, wish) => afterWish(state, wish, now, extent), story).looking;

test('keys are wishes: arrows and letters, and nothing that was not meant', () => {
  assert.deepEqual(
    [
      wishesOf('', { downArrow: true }),
      wishesOf('j', {}),
      wishesOf('', { return: true }),
      wishesOf('', { escape: true }),
      wishesOf('c', {}),
      wishesOf('c', { ctrl: true }),
      wishesOf('z', { ctrl: true }),
      wishesOf('x', {}),
      wishesOf('l', { ctrl: true }),
    ],
    [['down'], ['down'], ['open'], ['back'], ['commands'], ['interrupt'], ['suspend'], [], []],
  );
});

test('keys that come at once are followed one after the other', () => {
  assert.deepEqual(wishesOf('jxc\rl\u0003', {}), ['down', 'commands', 'open', 'log', 'interrupt']);
});

test('nothing is marked until a key asks; the first step marks the host that matters most', () => {
  assert.equal(story.looking.chosen, undefined);
  assert.equal(after(['down']).chosen, 'node-3');
  assert.equal(after(['down', 'down']).chosen, 'node-1');
  assert.equal(after(['up']).chosen, 'node-4');
  assert.equal(after(['down', 'up', 'up']).chosen, 'node-3');
  assert.equal(after(['last']).chosen, 'node-4');
  assert.equal(after(['last', 'first']).chosen, 'node-3');
});

test('enter opens the marked host or the one that matters most, l its log, and back leads to the list', () => {
  assert.deepEqual(
    { ...after(['open']), commands: 0 },
    { view: 'host', before: 'hosts', chosen: 'node-3', top: 0, commands: 0 },
  );
  assert.equal(after(['down', 'down', 'log']).chosen, 'node-1');
  assert.equal(after(['open', 'log']).view, 'log');
  assert.equal(after(['open', 'log', 'back']).view, 'hosts');
  assert.equal(after(['open', 'back']).chosen, 'node-3');
  assert.equal(after(['open', 'back', 'back']).chosen, undefined);
});

test('the keys lead back to where they were asked for', () => {
  assert.equal(after(['open', 'keys']).view, 'keys');
  assert.equal(after(['open', 'keys', 'back']).view, 'host');
  assert.equal(after(['open', 'keys', 'keys']).view, 'host');
  assert.equal(after(['keys', 'open']).view, 'keys');
});

test('a log is followed until it is scrolled, and followed again at its end', () => {
  assert.equal(after(['open', 'log']).top, undefined);
  assert.equal(after(['open', 'log', 'up']).top, 89);
  assert.equal(after(['open', 'log', 'page-up']).top, 81);
  assert.equal(after(['open', 'log', 'up', 'down']).top, undefined);
  assert.equal(after(['open', 'log', 'first']).top, 0);
  assert.equal(after(['open', 'log', 'first', 'last']).top, undefined);
});

test('nobody scrolls beyond what there is', () => {
  const short: Extent = { rows: 5, shown: 10 };
  assert.equal(after(['open', 'down', 'down'], short).top, 0);
  assert.equal(after(['open', 'up']).top, 0);
  assert.equal(after(['open', 'last']).top, 90);
});
