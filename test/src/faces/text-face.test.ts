import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import test from 'node:test';
import type { Event } from '../../../src/core/events.ts';
import { Fail } from '../../../src/core/fail.ts';
import { textFace } from '../../../src/faces/text-face.ts';

test('what is told while somebody reads in the live view waits for them, but no question does', async () => {
  const shown: string[] = [];
  let reads = true;
  const stream = new Writable({
    decodeStrings: false,
    write(text: string, _encoding, done) {
      if (text.trim() !== '') shown.push(text.trim());
      done();
    },
  });
  const face = textFace({
    progress: {
      isLive: true,
      emit: (event) => shown.push(event.kind),
      pause: ({ keep }) => shown.push(keep ? 'pause, keep' : 'pause'),
      isRead: () => reads,
    },
    out: stream as unknown as NodeJS.WriteStream,
    err: stream as unknown as NodeJS.WriteStream,
    verbose: false,
  });
  const connecting: Event = { kind: 'phase-started', host: 'a', phase: 'connect' };
  face.emit(connecting);
  face.message('one');
  face.failure(new Fail('Unreachable', 'a: no route'));
  face.emit(connecting);
  assert.deepEqual(shown, ['phase-started', 'phase-started']);
  reads = false;
  face.emit(connecting);
  assert.deepEqual(shown.splice(0), [
    ...['phase-started', 'phase-started', 'phase-started', 'pause, keep'],
    'berth: a: no route [Unreachable]',
    ...['one', 'pause, keep'],
  ]);
  reads = true;
  face.message('two');
  await face.suspend(async () => shown.push('asked'));
  assert.deepEqual(shown.splice(0), ['pause, keep', 'two', 'pause', 'asked']);
  face.message('three');
  face.end(0);
  assert.deepEqual(shown, ['pause, keep', 'three', 'pause, keep']);
});

test('what happens on other hosts while a question stands on the terminal is shown after the answer', async () => {
  const shown: string[] = [];
  const face = textFace({
    progress: {
      emit: (event) => shown.push('host' in event ? String(event.host) : event.kind),
      pause: () => shown.push('pause'),
    },
    out: process.stdout,
    err: process.stderr,
    verbose: false,
  });
  const connecting = (host: string): Event => ({ kind: 'phase-started', host, phase: 'connect' });
  face.emit(connecting('a'));
  const answered = Promise.withResolvers<string>();
  const question = face.suspend(() => answered.promise);
  face.emit(connecting('b'));
  assert.deepEqual(shown, ['a', 'pause']);
  answered.resolve('secret');
  assert.equal(await question, 'secret');
  face.emit(connecting('c'));
  assert.deepEqual(shown, ['a', 'pause', 'b', 'c']);
});
