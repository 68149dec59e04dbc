import { Fail } from '../../core/fail.ts';
import { FLAG_FIN, FRAME_HEADER_BYTES, type Frame, FrameType, SPDY_VERSION } from './frames.ts';

/** Longest control frame we hold: a stream's header block takes a few hundred bytes. */
const MAX_CONTROL_BYTES = 16 * 1024;

/** Where the bytes of the frame under way go. */
type Body =
  | { readonly kind: 'data'; readonly streamId: number; readonly fin: boolean; left: number }
  | {
      readonly kind: 'control';
      readonly type: number;
      readonly flags: number;
      readonly payload: Buffer;
      filled: number;
    }
  /** A control frame of a type we do not know, which SPDY bids us ignore. */
  | { readonly kind: 'skipped'; left: number };

/**
 * Cuts a byte stream into frames. Holds at most one control frame; DATA payload passes through uncopied, so a
 * frame of 16 MiB costs nothing. Malformed input throws `InvalidArgument`; the reader is of no use afterwards.
 */
export class FrameReader {
  readonly #header = Buffer.alloc(FRAME_HEADER_BYTES);
  #headerFilled = 0;
  #body: Body | undefined;

  *read(chunk: Buffer): Generator<Frame, void, undefined> {
    let rest = chunk;
    while (rest.length > 0) {
      const taken = this.#body === undefined ? this.#takeHeader(rest) : this.#takeBody(this.#body, rest);
      rest = rest.subarray(taken.bytes);
      if (taken.frame !== undefined) yield taken.frame;
    }
  }

  #takeHeader(chunk: Buffer): { bytes: number; frame?: Frame } {
    const bytes = chunk.copy(this.#header, this.#headerFilled);
    this.#headerFilled += bytes;
    if (this.#headerFilled < FRAME_HEADER_BYTES) return { bytes };
    this.#headerFilled = 0;
    const body = bodyOf(this.#header);
    if (body.kind === 'data' && body.left === 0) {
      return {
        bytes,
        frame: { kind: 'data', streamId: body.streamId, data: Buffer.alloc(0), fin: body.fin },
      };
    }
    if (body.kind === 'control' && body.payload.length === 0) throw malformed('an empty control frame');
    if (body.kind !== 'skipped' || body.left > 0) this.#body = body;
    return { bytes };
  }

  #takeBody(body: Body, chunk: Buffer): { bytes: number; frame?: Frame } {
    if (body.kind === 'control') {
      const bytes = chunk.copy(body.payload, body.filled);
      body.filled += bytes;
      if (body.filled < body.payload.length) return { bytes };
      this.#body = undefined;
      return { bytes, frame: parseControl(body.type, body.flags, body.payload) };
    }
    const part = chunk.subarray(0, body.left);
    body.left -= part.length;
    const last = body.left === 0;
    if (last) this.#body = undefined;
    if (body.kind === 'skipped') return { bytes: part.length };
    return {
      bytes: part.length,
      frame: { kind: 'data', streamId: body.streamId, data: part, fin: body.fin && last },
    };
  }
}

const bodyOf = (header: Buffer): Body => {
  const flags = header.readUInt8(4);
  const length = header.readUIntBE(5, 3);
  if ((header.readUInt8(0) & 0x80) === 0) return dataBody(header.readUInt32BE(0), flags, length);
  const version = header.readUInt16BE(0) & 0x7fff;
  if (version !== SPDY_VERSION) throw malformed(`version ${version}; only 3 is spoken here`);
  const type = header.readUInt16BE(2);
  if (!KNOWN_TYPES.has(type)) return { kind: 'skipped', left: length };
  if (length > MAX_CONTROL_BYTES) {
    throw malformed(`a control frame of ${length} bytes; at most ${MAX_CONTROL_BYTES} are taken`);
  }
  return { kind: 'control', type, flags, payload: Buffer.alloc(length), filled: 0 };
};

const dataBody = (streamId: number, flags: number, length: number): Body => {
  if (streamId === 0) throw malformed('data for stream 0');
  return { kind: 'data', streamId, fin: (flags & FLAG_FIN) !== 0, left: length };
};

const KNOWN_TYPES: ReadonlySet<number> = new Set(Object.values(FrameType));

const parseControl = (type: number, flags: number, payload: Buffer): Frame => {
  const fin = (flags & FLAG_FIN) !== 0;
  switch (type) {
    case FrameType.synStream:
      // Stream id, associated stream id, priority and credential slot come before the header block.
      return {
        kind: 'syn-stream',
        streamId: streamIdAt(payload, 10),
        fin,
        headerBlock: payload.subarray(10),
      };
    case FrameType.synReply:
      return { kind: 'syn-reply', streamId: streamIdAt(payload, 4), fin, headerBlock: payload.subarray(4) };
    case FrameType.headers:
      return { kind: 'headers', streamId: streamIdAt(payload, 4), fin, headerBlock: payload.subarray(4) };
    case FrameType.rstStream:
      return {
        kind: 'rst-stream',
        streamId: streamIdAt(payload, 8, 8),
        status: payload.readUInt32BE(4),
      };
    case FrameType.ping:
      return { kind: 'ping', id: wordAt(payload, 4, 4) };
    case FrameType.goAway:
      return {
        kind: 'go-away',
        lastGoodStreamId: wordAt(payload, 8, 8) & 0x7fffffff,
        status: payload.readUInt32BE(4),
      };
    case FrameType.settings:
      checkSettings(payload);
      return { kind: 'advice' };
    default:
      wordAt(payload, 8, 8);
      return { kind: 'advice' };
  }
};

/** The first word of a payload that has `atLeast` bytes, and no more than `atMost`. */
const wordAt = (payload: Buffer, atLeast: number, atMost = MAX_CONTROL_BYTES): number => {
  if (payload.length < atLeast || payload.length > atMost) {
    throw malformed(`a control frame of ${payload.length} bytes where ${atLeast} are due`);
  }
  return payload.readUInt32BE(0);
};

const streamIdAt = (payload: Buffer, atLeast: number, atMost?: number): number => {
  const streamId = wordAt(payload, atLeast, atMost) & 0x7fffffff;
  if (streamId === 0) throw malformed('a control frame for stream 0');
  return streamId;
};

const checkSettings = (payload: Buffer): void => {
  const count = wordAt(payload, 4);
  if (payload.length !== 4 + count * 8)
    throw malformed(`SETTINGS of ${count} entries in ${payload.length} bytes`);
};

const malformed = (what: string): Fail => new Fail('InvalidArgument', `SPDY: the client sent ${what}`);
