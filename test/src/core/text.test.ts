import assert from 'node:assert/strict';
import test from 'node:test';
import { byteSize, counted, duration, printable, shortened, withPort } from '../../../src/core/text.ts';

test('foreign text cannot steer the terminal', () => {
  assert.equal(printable('\u001b[31mred\u001b[0m'), 'red');
  assert.equal(printable('\u001b]0;title\u0007after'), 'after');
  assert.equal(printable('a\rb\u0008c\u009b2J'), 'a\ufffdb\ufffdc');
  assert.equal(printable('keep\ttabs\r\nand lines\n'), 'keep\ttabs\nand lines\n');
});

test('a port can be told from the last group of an IPv6 address', () => {
  assert.equal(withPort('a.example', 22), 'a.example:22');
  assert.equal(withPort('2001:db8::1', 2222), '[2001:db8::1]:2222');
});

test('durations and sizes are short and exact enough', () => {
  assert.deepEqual([0.4, 41.6, 999, 1000, 59_949, 59_990, 125_000].map(duration), [
    '0 ms',
    '42 ms',
    '999 ms',
    '1.0 s',
    '59.9 s',
    '1 min 00 s',
    '2 min 05 s',
  ]);
  assert.deepEqual([0, 1023, 1024, 12_700_000, 5 * 2 ** 40].map(byteSize), [
    '0 B',
    '1023 B',
    '1.0 KiB',
    '12.1 MiB',
    '5120.0 GiB',
  ]);
});

test('long text is cut visibly', () => {
  assert.equal(shortened('abcdef', 6), 'abcdef');
  assert.equal(shortened('abcdefg', 6), 'abcde…');
  assert.equal(counted(1, 'host'), 'one host');
  assert.equal(counted(3, 'host'), '3 hosts');
});
