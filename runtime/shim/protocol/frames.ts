import { Fail } from '../../core/fail.ts';
import { MAX_FRAME_BYTES } from './messages.ts';

/** A control frame: u32 big-endian length, then UTF-8 JSON. */
export function encodeFrame(message: unknown): Buffer {
  const text = JSON.stringify(message);
  const frame = Buffer.allocUnsafe(4 + Buffer.byteLength(text));
  frame.writeUInt32BE(frame.length - 4, 0);
  frame.write(text, 4);
  return frame;
}

/** A session frame: tag, u32 big-endian length, payload. */
export function encodeSessionFrame(tag: number, payload: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(5 + payload.length);
  frame[0] = tag;
  frame.writeUInt32BE(payload.length, 1);
  payload.copy(frame, 5);
  return frame;
}

/** Largest payload of a session frame. */
export const MAX_SESSION_PAYLOAD = 64 * 1024;

/**
 * Cuts a byte stream into frames whose head is `headBytes` long with the u32 length at its end. It keeps at most
 * one frame, and refuses one over `limit` before it arrives.
 */
class Cutter {
  readonly #headBytes: number;
  readonly #limit: number;
  #chunks: Buffer[] = [];
  #length = 0;

  constructor(headBytes: number, limit: number) {
    this.#headBytes = headBytes;
    this.#limit = limit;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** The next whole frame with its head, or undefined. */
  next(): Buffer | undefined {
    const head = this.#headBytes;
    if (this.#length < head) return undefined;
    const size = head + this.#peek(head).readUInt32BE(head - 4);
    if (size - head > this.#limit) {
      throw new Fail('ResourceExhausted', `frame of ${size - head} bytes exceeds ${this.#limit}`);
    }
    if (this.#length < size) return undefined;
    const bytes = this.#peek(this.#length);
    this.#chunks = size === bytes.length ? [] : [bytes.subarray(size)];
    this.#length = bytes.length - size;
    return bytes.subarray(0, size);
  }

  /** What has come and belongs to no frame yet. */
  rest(): Buffer {
    return this.#peek(this.#length);
  }

  /** Joins the chunks only when the first one is too short: a frame of many chunks is copied once. */
  #peek(bytes: number): Buffer {
    const [first] = this.#chunks;
    if (first !== undefined && first.length >= bytes) return first;
    const joined = Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined;
  }
}

/** Reads control frames from the chunks of a socket. */
export class FrameReader {
  readonly #cutter = new Cutter(4, MAX_FRAME_BYTES);

  push(chunk: Buffer): void {
    this.#cutter.push(chunk);
  }

  /** The next message, or undefined until more has come. Throws on JSON that is none. */
  next(): unknown {
    const frame = this.#cutter.next();
    if (frame === undefined) return undefined;
    try {
      return JSON.parse(frame.toString('utf8', 4));
    } catch (cause) {
      throw new Fail('InvalidArgument', 'control frame is not JSON', { cause });
    }
  }

  /** Bytes behind the last frame, when the connection turns out to be a session. */
  rest(): Buffer {
    return this.#cutter.rest();
  }
}

export interface SessionFrame {
  readonly tag: number;
  readonly payload: Buffer;
}

/** Reads session frames from the chunks of a socket. */
export class SessionFrameReader {
  readonly #cutter = new Cutter(5, MAX_SESSION_PAYLOAD);

  push(chunk: Buffer): void {
    this.#cutter.push(chunk);
  }

  next(): SessionFrame | undefined {
    const frame = this.#cutter.next();
    if (frame === undefined) return undefined;
    return { tag: frame.readUInt8(0), payload: frame.subarray(5) };
  }
}
