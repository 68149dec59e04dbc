import assert from 'node:assert/strict';
import test from 'node:test';
import { failedWith } from '../../../../runtime/core/fail.ts';
import { FrameReader } from '../../../../runtime/streaming/spdy/frame-reader.ts';
import type { Frame } from '../../../../runtime/streaming/spdy/frames.ts';
import {
  controlFrame,
  dataFrame,
  GO_AWAY,
  HEADERS,
  PING,
  RST_STREAM,
  SETTINGS,
  SYN_REPLY,
  SYN_STREAM,
  WINDOW_UPDATE,
  words,
} from '../spdy-client.ts';

const BLOCK = Buffer.from('compressed');
const SYN = controlFrame(SYN_STREAM, Buffer.concat([words(1, 0), Buffer.alloc(2), BLOCK]), 1);

const EVERY_FRAME = Buffer.concat([
  SYN,
  controlFrame(SETTINGS, words(1, 4, 100)),
  dataFrame(1, Buffer.from('hello')),
  dataFrame(1, Buffer.alloc(0)),
  controlFrame(HEADERS, Buffer.concat([words(1), BLOCK])),
  controlFrame(WINDOW_UPDATE, words(1, 65_536)),
  controlFrame(0xbeef, Buffer.from('from a later version')),
  controlFrame(0xbeef, Buffer.alloc(0)),
  controlFrame(PING, words(7)),
  dataFrame(1, Buffer.from('bye'), true),
  controlFrame(RST_STREAM, words(1, 5)),
  controlFrame(GO_AWAY, words(1, 0)),
]);

const EXPECTED = [
  'syn-stream 1 fin compressed',
  'advice',
  'data 1 hello',
  'data 1 ',
  'headers 1 compressed',
  'advice',
  'ping 7',
  'data 1 fin bye',
  'rst-stream 1 5',
  'go-away 1 0',
];

const describe = (frame: Frame): string => {
  switch (frame.kind) {
    case 'data':
      return `data ${frame.streamId} ${frame.fin ? 'fin ' : ''}${frame.data}`;
    case 'syn-stream':
    case 'syn-reply':
    case 'headers':
      return `${frame.kind} ${frame.streamId} ${frame.fin ? 'fin ' : ''}${frame.headerBlock}`;
    case 'rst-stream':
      return `rst-stream ${frame.streamId} ${frame.status}`;
    case 'ping':
      return `ping ${frame.id}`;
    case 'go-away':
      return `go-away ${frame.lastGoodStreamId} ${frame.status}`;
    case 'advice':
      return 'advice';
  }
};

const readAll = (...chunks: readonly Buffer[]): Frame[] => {
  const reader = new FrameReader();
  return chunks.flatMap((chunk) => [...reader.read(chunk)]);
};

/** Joins the parts of a DATA frame again, which depend on where the input was cut. */
const joined = (frames: readonly Frame[]): Frame[] => {
  const whole: Frame[] = [];
  for (const frame of frames) {
    const last = whole.at(-1);
    if (
      frame.kind === 'data' &&
      last?.kind === 'data' &&
      !last.fin &&
      last.data.length > 0 &&
      frame.data.length > 0
    ) {
      whole[whole.length - 1] = { ...frame, data: Buffer.concat([last.data, frame.data]) };
    } else whole.push(frame);
  }
  return whole;
};

test('every kind of frame is read, and unknown ones are passed over', () => {
  assert.deepEqual(readAll(EVERY_FRAME).map(describe), EXPECTED);
});

test('frames are read alike wherever the input is cut', () => {
  for (let size = 1; size <= 40; size++) {
    const chunks = Array.from({ length: Math.ceil(EVERY_FRAME.length / size) }, (_, index) =>
      EVERY_FRAME.subarray(index * size, (index + 1) * size),
    );
    assert.deepEqual(joined(readAll(...chunks)).map(describe), EXPECTED, `in chunks of ${size}`);
  }
});

test('the payload of a data frame passes through without being copied or held', () => {
  const data = Buffer.alloc(3_000_000, 'x');
  const header = Buffer.alloc(8);
  header.writeUInt32BE(3, 0);
  header.writeUInt32BE(0x01000000 + data.length, 4);
  const frames = readAll(header, data.subarray(0, 1_000_000), data.subarray(1_000_000));
  assert.deepEqual(
    frames.map(
      (frame) => frame.kind === 'data' && [frame.data.length, frame.fin, frame.data.buffer === data.buffer],
    ),
    [
      [1_000_000, false, true],
      [2_000_000, true, true],
    ],
  );
});

const MALFORMED: Readonly<Record<string, Buffer>> = {
  'a version other than 3': controlFrame(PING, words(1), 0, 2),
  'data for stream 0': dataFrame(0, Buffer.from('x')),
  'SYN_STREAM for stream 0': controlFrame(SYN_STREAM, Buffer.alloc(10)),
  'SYN_STREAM that is too short': controlFrame(SYN_STREAM, words(1, 0)),
  'SYN_REPLY without its stream id': controlFrame(SYN_REPLY, Buffer.alloc(3)),
  'an empty SYN_STREAM': controlFrame(SYN_STREAM, Buffer.alloc(0)),
  'RST_STREAM that is too long': controlFrame(RST_STREAM, words(1, 1, 1)),
  'RST_STREAM for stream 0': controlFrame(RST_STREAM, words(0, 1)),
  'PING that is too short': controlFrame(PING, Buffer.alloc(2)),
  'GOAWAY that is too short': controlFrame(GO_AWAY, words(1)),
  'SETTINGS that promise more than they hold': controlFrame(SETTINGS, words(1_000_000, 1, 1)),
  'WINDOW_UPDATE that is too short': controlFrame(WINDOW_UPDATE, words(1)),
};

for (const [what, frame] of Object.entries(MALFORMED)) {
  test(`${what} is refused`, () => {
    assert.throws(
      () => readAll(frame),
      (error) => failedWith(error, 'InvalidArgument'),
    );
  });
}

test('a control frame of 16 MiB is refused when its header has come, before anything is set aside for it', () => {
  const header = controlFrame(SYN_STREAM, Buffer.alloc(0));
  header.writeUIntBE(0xffffff, 5, 3);
  assert.throws(() => readAll(header), /a control frame of 16777215 bytes; at most 16384 are taken/);
});

test('random bytes are read or refused, never anything else', () => {
  const random = seeded(20_260_101);
  let refused = 0;
  for (let round = 0; round < 5_000; round++) {
    const bytes = Buffer.from(EVERY_FRAME);
    for (let hits = 1 + (random() % 6); hits > 0; hits--) bytes[random() % bytes.length] = random() % 256;
    try {
      readAll(bytes.subarray(0, random() % bytes.length), bytes.subarray(random() % bytes.length));
    } catch (error) {
      assert.ok(failedWith(error, 'InvalidArgument'), String(error));
      refused++;
    }
  }
  assert.ok(refused > 500 && refused < 5_000, `${refused} of 5000 refused`);
});

/** xorshift32: the same sequence in every run. */
const seeded = (seed: number) => {
  let state = seed;
  return (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
};
