import assert from 'node:assert/strict';
import test from 'node:test';
import { constants, inflateSync } from 'node:zlib';
import { failedWith } from '../../../../runtime/core/fail.ts';
import { DICTIONARY } from '../../../../runtime/streaming/spdy/dictionary.ts';
import { EmptyHeaderBlocks, HeaderInflater } from '../../../../runtime/streaming/spdy/headers.ts';
import { HeaderDeflater, words } from '../spdy-client.ts';

const withInflater = async (t: test.TestContext) => {
  const inflater = new HeaderInflater();
  t.after(() => inflater.close());
  return { inflater, deflater: new HeaderDeflater() };
};

const invalid = (error: unknown) => failedWith(error, 'InvalidArgument');

test('the dictionary is the one that SPDY/3 names by its Adler-32', () => {
  let [low, high] = [1, 0];
  for (const byte of DICTIONARY) {
    low = (low + byte) % 65_521;
    high = (high + low) % 65_521;
  }
  assert.equal(high * 65_536 + low, 0xe3c6a7c2);
});

test('the header blocks of a connection are inflated in one context', async (t) => {
  const { inflater, deflater } = await withInflater(t);
  for (let index = 0; index < 200; index++) {
    const headers = { streamtype: 'data', port: '8080', requestid: `${index}`, empty: '' };
    assert.deepEqual(Object.fromEntries(await inflater.next(await deflater.block(headers))), headers);
  }
});

test('names are compared without case', async (t) => {
  const { inflater, deflater } = await withInflater(t);
  const headers = await inflater.next(await deflater.block({ StreamType: 'Error' }));
  assert.equal(headers.get('streamtype'), 'Error');
});

test('what is no zlib is refused, and so is all that follows it', async (t) => {
  const { inflater, deflater } = await withInflater(t);
  await assert.rejects(inflater.next(Buffer.from('this was never compressed')), invalid);
  await assert.rejects(inflater.next(await deflater.block({ a: 'b' })), invalid);
});

test('a block that grows without measure is refused before it has grown', async (t) => {
  const { inflater, deflater } = await withInflater(t);
  const bomb = await deflater.compress(Buffer.alloc(50_000_000));
  assert.ok(bomb.length < 100_000);
  await assert.rejects(inflater.next(bomb), /does not inflate/);
});

const MALFORMED: Readonly<Record<string, Buffer>> = {
  'a header count without headers': words(3),
  'more headers than anybody needs': words(1_000_000),
  'a name longer than the block': Buffer.concat([words(1, 4_000_000_000), Buffer.from('x')]),
  'an empty name': words(1, 0, 0),
  'a name that comes twice': Buffer.concat([
    words(2, 1),
    Buffer.from('a'),
    words(0, 1),
    Buffer.from('a'),
    words(0),
  ]),
  'bytes behind the headers': Buffer.concat([words(0), Buffer.from('x')]),
  'nothing at all': Buffer.alloc(0),
};

for (const [what, plain] of Object.entries(MALFORMED)) {
  test(`${what} is refused`, async (t) => {
    const { inflater, deflater } = await withInflater(t);
    await assert.rejects(inflater.next(await deflater.compress(plain)), invalid);
  });
}

test('the empty blocks that we send form one zlib stream', () => {
  const blocks = new EmptyHeaderBlocks();
  const sent = Buffer.concat([blocks.next(), blocks.next(), blocks.next()]);
  assert.deepEqual(inflateSync(sent, { finishFlush: constants.Z_SYNC_FLUSH }), words(0, 0, 0));
});
