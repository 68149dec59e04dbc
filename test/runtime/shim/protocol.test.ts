import assert from 'node:assert/strict';
import test from 'node:test';
import { Fail } from '../../../runtime/core/fail.ts';
import {
  encodeFrame,
  encodeSessionFrame,
  FrameReader,
  SessionFrameReader,
} from '../../../runtime/shim/protocol/frames.ts';
import { MAX_FRAME_BYTES } from '../../../runtime/shim/protocol/messages.ts';
import { fromWireError, toWireError } from '../../../runtime/shim/protocol/wire-error.ts';

test('frames are the same however the bytes are cut', () => {
  const messages = [{ id: 1 }, { text: 'ünïcode' }, { big: 'x'.repeat(100_000) }, {}];
  const bytes = Buffer.concat(messages.map(encodeFrame));
  for (const size of [1, 3, 4, 5, 1000, bytes.length]) {
    const reader = new FrameReader();
    const read = [];
    for (let at = 0; at < bytes.length; at += size) {
      reader.push(bytes.subarray(at, at + size));
      for (let next = reader.next(); next !== undefined; next = reader.next()) read.push(next);
    }
    assert.deepEqual(read, messages);
  }
});

test('a frame over the limit is refused before it arrives', () => {
  const reader = new FrameReader();
  const head = Buffer.alloc(4);
  head.writeUInt32BE(MAX_FRAME_BYTES + 1);
  reader.push(head);
  assert.throws(() => reader.next(), { code: 'ResourceExhausted' });
});

test('a frame that is no JSON is refused', () => {
  const reader = new FrameReader();
  reader.push(Buffer.from('\0\0\0\x02{]'));
  assert.throws(() => reader.next(), { code: 'InvalidArgument' });
});

test('session frames may be empty', () => {
  const reader = new SessionFrameReader();
  reader.push(
    Buffer.concat([encodeSessionFrame(4, Buffer.alloc(0)), encodeSessionFrame(1, Buffer.from('a'))]),
  );
  assert.deepEqual(reader.next(), { tag: 4, payload: Buffer.alloc(0) });
  assert.deepEqual(reader.next(), { tag: 1, payload: Buffer.from('a') });
  assert.equal(reader.next(), undefined);
});

test('what follows the frame that names a session is the session’s', () => {
  const reader = new FrameReader();
  reader.push(Buffer.concat([encodeFrame({ session: 't' }), Buffer.from('rest')]));
  assert.deepEqual(reader.next(), { session: 't' });
  assert.equal(reader.rest().toString(), 'rest');
});

test('an error keeps its code, hint and context on the way', () => {
  const fail = new Fail('NotFound', 'no such thing', { hint: 'look elsewhere', context: { id: 1 } });
  const back = fromWireError(JSON.parse(JSON.stringify(toWireError(fail))));
  assert.deepEqual(
    [back.code, back.message, back.hint, back.context],
    ['NotFound', 'no such thing', 'look elsewhere', { id: 1 }],
  );
});

test('a code of a newer shim becomes Internal', () => {
  assert.equal(fromWireError({ code: 'Unheard', message: 'm' }).code, 'Internal');
});
