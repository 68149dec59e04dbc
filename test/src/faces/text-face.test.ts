import assert from 'node:assert/strict';
import test from 'node:test';
import type { Event } from '../../../src/core/events.ts';
import { textFace } from '../../../src/faces/text-face.ts';

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
