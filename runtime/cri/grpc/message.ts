import { Fail } from '../../core/fail.ts';

/** A gRPC message is preceded by a byte that says whether it is compressed, and its length as u32 big-endian. */
const HEAD_BYTES = 5;

/** From here on to copy a message behind its head costs more than to write the two apart. */
const LARGE_BYTES = 64 * 1024;

/** The pieces of a message as they go over the wire. */
export const framed = (message: Uint8Array): readonly Uint8Array[] => {
  const small = message.length < LARGE_BYTES;
  const frame = Buffer.allocUnsafe(HEAD_BYTES + (small ? message.length : 0));
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  if (!small) return [frame, message];
  frame.set(message, HEAD_BYTES);
  return [frame];
};

/** Collects the body of a call that has one message. */
export class RequestReader {
  readonly #limit: number;
  readonly #chunks: Buffer[] = [];
  #length = 0;

  /** `limit`: the most bytes that a message may have. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Throws `ResourceExhausted` as soon as it is too much. */
  push(chunk: Buffer): void {
    this.#length += chunk.length;
    if (this.#length > this.#limit + HEAD_BYTES)
      throw new Fail('ResourceExhausted', `the request is larger than ${this.#limit} bytes`);
    this.#chunks.push(chunk);
  }

  /** The message, when the body is whole. Throws for none, for more than one, and for a compressed one. */
  message(): Buffer {
    const [first] = this.#chunks;
    const body =
      first !== undefined && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks, this.#length);
    if (body.length < HEAD_BYTES || body.length !== HEAD_BYTES + body.readUInt32BE(1))
      throw new Fail('InvalidArgument', 'the body of the call is not one gRPC message');
    if (body[0] !== 0)
      throw new Fail('Unimplemented', 'this server takes no compressed messages', {
        hint: 'the client must not use a grpc-encoding other than identity',
      });
    return body.subarray(HEAD_BYTES);
  }
}
