import assert from 'node:assert/strict';
import test from 'node:test';
import { typedPieces } from '../../../../src/faces/wizard/keys.ts';

const told = (input: string): string[] =>
  typedPieces(input).map((piece) =>
    piece.kind === 'key' ? `<${piece.key}>` : `${piece.kind} ${piece.text}`,
  );

test('keys that arrive in one read with text are keys in their places', () => {
  assert.deepEqual(told('\u001510.77.0.0/16'), ['<clear>', 'typed 10.77.0.0/16']);
  assert.deepEqual(told('a.example\r\u000e'), ['typed a.example', '<enter>', '<next>']);
  assert.deepEqual(told('\u0001x\u0004\u0005y\u0008\u0010'), [
    ...['<home>', 'typed x', '<delete>', '<end>', 'typed y', '<erase>', '<previous>'],
  ]);
  assert.deepEqual(told('\u0015\u0015'), ['<clear>', '<clear>']);
  assert.deepEqual(told('x\ty\r'), ['typed x', '<down>', 'typed y', '<enter>']);
});

test('control characters that are no keys are no text either, and several lines are a paste', () => {
  assert.deepEqual(told('a\u0007b\u0002'), ['typed a', 'typed b']);
  assert.deepEqual(told('a.example\r\nb.example\r\n'), ['pasted a.example\nb.example\n']);
});
