import assert from 'node:assert/strict';
import test from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { Fail, failedWith } from '../../../runtime/core/fail.ts';
import { Runtime } from '../../../runtime/spec/ttrpc/nri/api_pb.js';
import { RequestSchema } from '../../../runtime/spec/ttrpc/ttrpc/request_pb.js';
import { Client } from '../../../runtime/ttrpc/client.ts';
import { encodeFrame, FrameReader, FrameType, MAX_PAYLOAD_BYTES } from '../../../runtime/ttrpc/frames.ts';
import { serve } from '../../../runtime/ttrpc/server.ts';
import { type Handlers, implement } from '../../../runtime/ttrpc/service.ts';
import { conduitPair } from './connection.ts';

const timeoutMs = 2_000;

const connected = (handlers: Handlers<typeof Runtime>) => {
  const [here, there] = conduitPair();
  serve(there, [implement(Runtime, handlers)]);
  const client = new Client(here);
  return { client, calls: client.methods(Runtime) };
};

test('a call is answered, also when many are in flight and the answers come in another order', async () => {
  const { calls } = connected({
    registerPlugin: async ({ pluginName }) => {
      await new Promise((resolve) => setTimeout(resolve, 20 - Number(pluginName)));
      if (pluginName === '7') throw new Fail('NotFound', 'no seven');
      return {};
    },
  });
  const outcomes = await Promise.allSettled(
    Array.from({ length: 20 }, (_, index) =>
      calls.registerPlugin({ pluginName: String(index) }, { timeoutMs }),
    ),
  );
  const failed = outcomes.filter((outcome) => outcome.status === 'rejected');
  assert.equal(failed.length, 1);
  assert.ok(failedWith(failed[0]?.reason, 'NotFound'));
  assert.equal(failed[0]?.reason.message, 'no seven');
});

test('a method that the server has not is unimplemented', async () => {
  const { calls } = connected({});
  await assert.rejects(calls.registerPlugin({}, { timeoutMs }), (error) =>
    failedWith(error, 'Unimplemented'),
  );
});

test('a call that is not answered in time fails, and a late answer harms nobody', async () => {
  const { calls } = connected({
    registerPlugin: async ({ pluginName }) => {
      if (pluginName === 'slow') await new Promise((resolve) => setTimeout(resolve, 60));
      return {};
    },
  });
  await assert.rejects(calls.registerPlugin({ pluginName: 'slow' }, { timeoutMs: 10 }), (error) =>
    failedWith(error, 'DeadlineExceeded'),
  );
  await new Promise((resolve) => setTimeout(resolve, 80));
  await calls.registerPlugin({ pluginName: 'quick' }, { timeoutMs });
});

test('calls in flight fail when the connection closes, and later ones at once', async () => {
  const { client, calls } = connected({ registerPlugin: () => new Promise(() => {}) });
  const waiting = calls.registerPlugin({}, { timeoutMs });
  client.close();
  await assert.rejects(waiting, (error) => failedWith(error, 'Unavailable'));
  await assert.rejects(calls.registerPlugin({}, { timeoutMs }), (error) => failedWith(error, 'Unavailable'));
  await client.closed;
});

test('a cancelled call does not wait for its answer', async () => {
  const { calls } = connected({ registerPlugin: () => new Promise(() => {}) });
  const abort = new AbortController();
  const waiting = calls.registerPlugin({}, { timeoutMs, signal: abort.signal });
  abort.abort();
  await assert.rejects(waiting, (error) => failedWith(error, 'Cancelled'));
});

test('a message over 4 MiB is refused before it goes out, and the connection stays', async () => {
  const { calls } = connected({ registerPlugin: async () => ({}) });
  const tooLarge = { pluginName: 'x'.repeat(MAX_PAYLOAD_BYTES) };
  await assert.rejects(calls.registerPlugin(tooLarge, { timeoutMs }), (error) =>
    failedWith(error, 'ResourceExhausted'),
  );
  await calls.registerPlugin({ pluginName: 'y'.repeat(MAX_PAYLOAD_BYTES - 1024) }, { timeoutMs });
});

test('a server works on so many calls of one client at a time', async () => {
  let most = 0;
  let now = 0;
  const { calls } = connected({
    registerPlugin: async () => {
      now += 1;
      most = Math.max(most, now);
      await new Promise((resolve) => setTimeout(resolve, 20));
      now -= 1;
      return {};
    },
  });
  const outcomes = await Promise.allSettled(
    Array.from({ length: 200 }, () => calls.registerPlugin({}, { timeoutMs })),
  );
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
  assert.equal(most, 64);
  assert.equal(refused.length, 136);
  assert.ok(refused.every(({ reason }) => failedWith(reason, 'ResourceExhausted')));
});

test('frames are found whichever way the bytes are cut', () => {
  const frames = [1, 3, 5].map((streamId) =>
    encodeFrame({
      streamId,
      type: FrameType.request,
      flags: 0,
      payload: Buffer.alloc(streamId * 7, streamId),
    }),
  );
  const bytes = Buffer.concat(frames);
  for (let size = 1; size <= bytes.length; size += 1) {
    const reader = new FrameReader();
    const found: number[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      reader.push(bytes.subarray(at, at + size));
      for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
        assert.ok(frame.payload.every((byte) => byte === frame?.streamId));
        found.push(frame.streamId);
      }
    }
    assert.deepEqual(found, [1, 3, 5]);
  }
});

/** mulberry32: the same bytes in every run. */
const random = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
};

test('hostile bytes end a connection at most, on either side', async () => {
  const next = random(20261125);
  const good = encodeFrame({
    streamId: 1,
    type: FrameType.request,
    flags: 0,
    payload: toBinary(
      RequestSchema,
      create(RequestSchema, {
        service: Runtime.typeName,
        method: 'RegisterPlugin',
        payload: Buffer.from([10, 1, 65]),
      }),
    ),
  });
  for (let round = 0; round < 500; round += 1) {
    const bytes = Buffer.from(good);
    for (let times = 1 + Math.floor(next() * 6); times > 0; times -= 1)
      bytes[Math.floor(next() * bytes.length)] = Math.floor(next() * 256);
    const [here, there] = conduitPair();
    serve(there, [implement(Runtime, { registerPlugin: async () => ({}) })]);
    here.listen(
      () => {},
      () => {},
    );
    here.send(bytes);
    const [mine, theirs] = conduitPair();
    const call = new Client(mine).methods(Runtime).registerPlugin({}, { timeoutMs: 5 });
    theirs.listen(
      () => {},
      () => {},
    );
    theirs.send(bytes);
    await call.catch((error) => assert.ok(error instanceof Fail, String(error)));
    here.close();
    mine.close();
  }
});

test('a server cuts off whoever counts its streams wrongly or speaks another protocol', async () => {
  const frame = (streamId: number, type: number, flags = 0) =>
    encodeFrame({ streamId, type, flags, payload: Buffer.alloc(0) });
  const wrong = [
    [frame(2, FrameType.request)],
    [frame(3, FrameType.request), frame(1, FrameType.request)],
    [frame(1, FrameType.response)],
    [frame(1, FrameType.request, 2)],
    [Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ];
  for (const frames of wrong) {
    const [here, there] = conduitPair();
    serve(there, []);
    const closed = new Promise<void>((resolve) => here.listen(() => {}, resolve));
    for (const each of frames) here.send(each);
    await closed;
  }
});
