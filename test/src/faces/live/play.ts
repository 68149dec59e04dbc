/* Plays a story on the face that fits the terminal, as a command does: the other side of terminal.test.ts. */
import { setTimeout as pause } from 'node:timers/promises';
import { listenForInterrupts } from '../../../../src/cli/interrupts.ts';
import { asFail } from '../../../../src/core/as-fail.ts';
import { openFace } from '../../../../src/faces/open-face.ts';
import {
  failing,
  finishing,
  fleet,
  installing,
  looked,
  red,
  started,
  type Told,
  uploading,
} from './story.ts';

const names = fleet(Number(process.argv[2] ?? '3'));
const seconds = Number(process.argv[3] ?? '600');
const [first = '', second = '', third = '', ...others] = names;
const story: Told[] = [
  started(names),
  [0, { kind: 'note', level: 'warn', host: first, message: 'about to delete /etc/old.conf' }],
  ...names.flatMap((name) => looked(name)),
  ...red(second),
  ...failing(third),
  [2.7, { kind: 'note', level: 'info', host: first, message: 'waiting for its turn: an apply' }],
  [2.8, { kind: 'note', level: 'info', message: 'an archive is checked by its published checksum' }],
  ...uploading(first),
  ...others.flatMap((name) => installing(name)),
];

const face = await openFace({ json: false, ci: false, verbose: false });
using interrupts = listenForInterrupts((name) =>
  face.emit({ kind: 'note', level: 'warn', message: `${name}: finishing or undoing the step at work` }),
);
face.message('before the view');
for (const [, event] of story) face.emit(event);
try {
  await pause(seconds * 1000, undefined, { signal: interrupts.signal });
  for (const [, event] of [first, ...others].flatMap((name) => finishing(name))) face.emit(event);
  face.message('the outcome');
} catch {
  face.failure(asFail(interrupts.signal.reason));
}
await face.untilRead?.(interrupts.signal);
face.end(0);
