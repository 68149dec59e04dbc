import type { Conduit } from '../ttrpc/conduit.ts';
import { HEAD_BYTES, MAX_PAYLOAD_BYTES } from '../ttrpc/frames.ts';

/**
 * Several connections within one, as NRI has it: u32 big-endian connection id, u32 big-endian length, that many bytes.
 * Nothing announces a connection; both sides know the ids. Source: pkg/net/multiplex of github.com/containerd/nri.
 */
export const ConnectionId = { plugin: 1, runtime: 2 } as const;

const MUX_HEAD_BYTES = 8;
const MAX_MUX_PAYLOAD_BYTES = HEAD_BYTES + MAX_PAYLOAD_BYTES;

/**
 * The Go side hands each of our frames to one read of a reader with a buffer of this size, and fails when it does not
 * fit. A message therefore goes out as that reader takes it: what fills its buffer, then the whole rest, which it reads
 * straight into the message.
 */
const READER_BYTES = 4096;

interface Listener {
  readonly onBytes: (bytes: Buffer) => void;
  readonly onClosed: () => void;
}

/** Splits a conduit by connection ids. Closing one of the parts closes all: they have one fate. */
export const multiplex = (trunk: Conduit): ((id: number) => Conduit) => {
  const listeners = new Map<number, Listener>();
  let rest: Buffer = Buffer.alloc(0);
  let closed = false;
  const end = (): void => {
    if (closed) return;
    closed = true;
    for (const { onClosed } of listeners.values()) onClosed();
  };
  const receive = (bytes: Buffer): void => {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    while (!closed && rest.length >= MUX_HEAD_BYTES) {
      const size = rest.readUInt32BE(4);
      if (size > MAX_MUX_PAYLOAD_BYTES) {
        trunk.close();
        end();
        return;
      }
      if (rest.length < MUX_HEAD_BYTES + size) return;
      const id = rest.readUInt32BE(0);
      const payload = rest.subarray(MUX_HEAD_BYTES, MUX_HEAD_BYTES + size);
      rest = rest.subarray(MUX_HEAD_BYTES + size);
      listeners.get(id)?.onBytes(payload);
    }
  };
  trunk.listen(receive, end);
  return (id) => ({
    send: (bytes) => {
      const first = muxFrame(id, bytes.subarray(0, READER_BYTES));
      const more = bytes.subarray(READER_BYTES);
      trunk.send(more.length === 0 ? first : Buffer.concat([first, muxFrame(id, more)]));
    },
    listen: (onBytes, onClosed) => {
      listeners.set(id, { onBytes, onClosed });
      if (closed) onClosed();
    },
    close: () => {
      trunk.close();
      end();
    },
  });
};

const muxFrame = (id: number, payload: Buffer): Buffer => {
  const head = Buffer.allocUnsafe(MUX_HEAD_BYTES);
  head.writeUInt32BE(id, 0);
  head.writeUInt32BE(payload.length, 4);
  return Buffer.concat([head, payload]);
};
