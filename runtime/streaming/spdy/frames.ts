/**
 * Frames of SPDY/3.1 as they travel (draft-mbelshe-httpbis-spdy-00, section 2). All integers are big-endian.
 * A control frame starts with 1, fifteen bits of version and sixteen of type; a data frame with 0 and the stream id.
 * Then follow eight bits of flags and twenty-four of payload length.
 */
export const SPDY_VERSION = 3;
export const FRAME_HEADER_BYTES = 8;

/** Longest DATA payload we send in one frame: small enough to interleave the streams of a connection. */
export const MAX_SENT_DATA_BYTES = 256 * 1024;

export const FrameType = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;

export const FLAG_FIN = 0x01;

export const ResetStatus = {
  protocolError: 1,
  invalidStream: 2,
  refusedStream: 3,
  cancel: 5,
  internalError: 6,
} as const;
export type ResetStatus = (typeof ResetStatus)[keyof typeof ResetStatus];

export const GoAwayStatus = { ok: 0, protocolError: 1, internalError: 2 } as const;
export type GoAwayStatus = (typeof GoAwayStatus)[keyof typeof GoAwayStatus];

/** What a FrameReader yields. Header blocks are still compressed: their context spans the connection. */
export type Frame =
  | {
      readonly kind: 'syn-stream';
      readonly streamId: number;
      readonly fin: boolean;
      readonly headerBlock: Buffer;
    }
  | {
      readonly kind: 'syn-reply' | 'headers';
      readonly streamId: number;
      readonly fin: boolean;
      readonly headerBlock: Buffer;
    }
  | { readonly kind: 'rst-stream'; readonly streamId: number; readonly status: number }
  | { readonly kind: 'ping'; readonly id: number }
  | { readonly kind: 'go-away'; readonly lastGoodStreamId: number; readonly status: number }
  /** SETTINGS and WINDOW_UPDATE: well-formed, and without meaning for us (see connection.ts). */
  | { readonly kind: 'advice' }
  /** Part of a DATA frame; `fin` comes with its last part. */
  | { readonly kind: 'data'; readonly streamId: number; readonly data: Buffer; readonly fin: boolean };

/** The eight bytes before `length` bytes of DATA payload. */
export const dataFrameHeader = (streamId: number, length: number, fin: boolean): Buffer => {
  const header = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
  header.writeUInt32BE(streamId, 0);
  header.writeUInt32BE((fin ? FLAG_FIN * 0x1000000 : 0) + length, 4);
  return header;
};

export const rstStreamFrame = (streamId: number, status: ResetStatus): Buffer =>
  controlFrame(FrameType.rstStream, [streamId, status]);

export const pingFrame = (id: number): Buffer => controlFrame(FrameType.ping, [id]);

export const goAwayFrame = (lastGoodStreamId: number, status: GoAwayStatus): Buffer =>
  controlFrame(FrameType.goAway, [lastGoodStreamId, status]);

export const synReplyFrame = (streamId: number, headerBlock: Buffer): Buffer =>
  Buffer.concat([controlFrame(FrameType.synReply, [streamId], headerBlock.length), headerBlock]);

const controlFrame = (type: number, words: readonly number[], extraLength = 0): Buffer => {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + words.length * 4);
  frame.writeUInt16BE(0x8000 | SPDY_VERSION, 0);
  frame.writeUInt16BE(type, 2);
  frame.writeUInt32BE(words.length * 4 + extraLength, 4);
  for (const [index, word] of words.entries()) frame.writeUInt32BE(word, FRAME_HEADER_BYTES + index * 4);
  return frame;
};
