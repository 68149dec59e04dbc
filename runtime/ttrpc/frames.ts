import { Fail } from '../core/fail.ts';

/**
 * The frames of ttrpc: u32 big-endian length of the payload, u32 big-endian stream id, type, flags, payload.
 * Source: PROTOCOL.md of github.com/containerd/ttrpc.
 */
export interface Frame {
  /** Odd: the client made the stream. */
  readonly streamId: number;
  readonly type: number;
  readonly flags: number;
  readonly payload: Uint8Array;
}

export const FrameType = { request: 1, response: 2, data: 3 } as const;

export const FrameFlag = { remoteClosed: 1, remoteOpen: 2, noData: 4 } as const;

export const HEAD_BYTES = 10;
/** Of a payload. Both sides refuse more. */
export const MAX_PAYLOAD_BYTES = 4 * 1024 * 1024;

/** Fails `ResourceExhausted` for a payload that no peer would take. */
export const encodeFrame = ({ streamId, type, flags, payload }: Frame): Buffer => {
  if (payload.length > MAX_PAYLOAD_BYTES)
    throw new Fail(
      'ResourceExhausted',
      `a message of ${payload.length} bytes is larger than ttrpc's limit of ${MAX_PAYLOAD_BYTES}`,
    );
  const frame = Buffer.allocUnsafe(HEAD_BYTES + payload.length);
  frame.writeUInt32BE(payload.length, 0);
  frame.writeUInt32BE(streamId, 4);
  frame.writeUInt8(type, 8);
  frame.writeUInt8(flags, 9);
  frame.set(payload, HEAD_BYTES);
  return frame;
};

/** Cuts what comes into frames. It keeps one frame at most, and refuses one that is too large before it comes. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #length = 0;

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** The next whole frame, or undefined until more has come. Fails `ResourceExhausted`: the connection is of no use then. */
  next(): Frame | undefined {
    if (this.#length < HEAD_BYTES) return undefined;
    const head = this.#joined(HEAD_BYTES);
    const size = HEAD_BYTES + head.readUInt32BE(0);
    if (size - HEAD_BYTES > MAX_PAYLOAD_BYTES)
      throw new Fail(
        'ResourceExhausted',
        `a ttrpc frame of ${size - HEAD_BYTES} bytes is larger than ${MAX_PAYLOAD_BYTES}`,
      );
    if (this.#length < size) return undefined;
    const bytes = this.#joined(this.#length);
    this.#chunks = size === bytes.length ? [] : [bytes.subarray(size)];
    this.#length = bytes.length - size;
    return {
      streamId: bytes.readUInt32BE(4),
      type: bytes.readUInt8(8),
      flags: bytes.readUInt8(9),
      payload: bytes.subarray(HEAD_BYTES, size),
    };
  }

  /** Joins the chunks only when the first is too short: a frame of many chunks is copied once. */
  #joined(bytes: number): Buffer {
    const [first] = this.#chunks;
    if (first !== undefined && first.length >= bytes) return first;
    const joined = Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined;
  }
}
