import assert from 'node:assert/strict';
import test from 'node:test';
import { ResizeReader } from '../../../../runtime/streaming/remotecommand/resize.ts';

const read = (...chunks: readonly string[]) => {
  const reader = new ResizeReader();
  return chunks
    .flatMap((chunk) => reader.read(Buffer.from(chunk)))
    .map(({ width, height }) => `${width}x${height}`);
};

test('sizes are read however they are cut', () => {
  const text = '{"Width":80,"Height":24}\n{"Width":1,"Height":2}{"Height":43,"Width":132}';
  for (let size = 1; size <= text.length; size++) {
    const chunks = text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
    assert.deepEqual(read(...chunks), ['80x24', '1x2', '132x43']);
  }
});

test('what is no size is passed over', () => {
  const nonsense = [
    '{"Width":-1,"Height":24}',
    '{"Width":70000,"Height":1}',
    '{"Width":"80","Height":24}',
    '{}',
    'x}',
  ];
  assert.deepEqual(read(...nonsense, '}', '{"Width":1.5,"Height":1}', '{"Width":80,"Height":24}'), ['80x24']);
});

test('a size that never ends is not kept', () => {
  const reader = new ResizeReader();
  for (let index = 0; index < 10_000; index++) assert.deepEqual(reader.read(Buffer.alloc(65_536, 'x')), []);
});
