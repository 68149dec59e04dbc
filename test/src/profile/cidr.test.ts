import assert from 'node:assert/strict';
import test from 'node:test';
import { contains, formatCidr, overlaps, parseCidr } from '../../../src/profile/cidr.ts';

const range = (text: string) => {
  const parsed = parseCidr(text);
  assert.ok(parsed, text);
  return parsed;
};

test('ranges of both families are read', () => {
  assert.deepEqual(range('10.88.0.0/16'), { family: 4, first: 0x0a580000n, last: 0x0a58ffffn, prefix: 16 });
  assert.equal(range('0.0.0.0/0').last, 0xffffffffn);
  assert.equal(range('192.0.2.1/32').first, range('192.0.2.1/32').last);
  assert.equal(range('fd00::/8').first, 0xfdn << 120n);
  assert.equal(range('::/0').last, (1n << 128n) - 1n);
  assert.equal(range('::ffff:10.0.0.1/128').first, 0xffff0a000001n);
});

test('what is no range is refused', () => {
  for (const text of [
    '',
    '10.0.0.0',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0/8',
    '10.0.0.0/8/8',
    '10.0.0.0/ 8',
    '256.0.0.0/8',
    'fd00::/129',
    'fe80::1%eth0/64',
    'x/8',
    '10.0.0.0/0x8',
  ])
    assert.equal(parseCidr(text), undefined, text);
});

test('a range is written from its first address', () => {
  for (const [written, canonical] of [
    ['10.88.7.9/16', '10.88.0.0/16'],
    ['fd00:0:0:0:0:0:0:1/64', 'fd00::/64'],
    ['2001:DB8::1/128', '2001:db8::1/128'],
    ['::1/0', '::/0'],
  ] as const)
    assert.equal(formatCidr(range(written)), canonical);
});

test('ranges overlap when they share an address, and only then', () => {
  assert.ok(overlaps(range('10.0.0.0/8'), range('10.255.0.0/16')));
  assert.ok(overlaps(range('10.255.0.0/16'), range('10.0.0.0/8')));
  assert.ok(!overlaps(range('10.0.0.0/9'), range('10.128.0.0/9')));
  assert.ok(!overlaps(range('0.0.0.0/0'), range('::/0')));
});

test('an address is inside its range and outside others', () => {
  assert.ok(contains(range('10.88.0.0/16'), '10.88.255.255'));
  assert.ok(!contains(range('10.88.0.0/16'), '10.89.0.0'));
  assert.ok(contains(range('fd00::/64'), 'fd00::42'));
  assert.ok(!contains(range('fd00::/64'), '10.0.0.1'));
  assert.ok(!contains(range('10.88.0.0/16'), 'no address'));
});
