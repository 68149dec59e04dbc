import type { Socket } from 'node:net';

/** What carries the bytes of one ttrpc connection: a socket, or one of several connections within a socket. */
export interface Conduit {
  /** Whole frames; nothing when it is closed. */
  send(bytes: Buffer): void;
  /** Once, before anything can come. `onClosed` is called once, when nothing comes any more. */
  listen(onBytes: (bytes: Buffer) => void, onClosed: () => void): void;
  close(): void;
}

/** What a peer may leave unread before it is cut off: a few of the largest messages. */
const MOST_UNREAD_BYTES = 16 * 1024 * 1024;

/** The conduit that a connected socket is. */
export const socketConduit = (socket: Socket): Conduit => ({
  send: (bytes) => {
    if (socket.destroyed) return;
    socket.write(bytes);
    if (socket.writableLength > MOST_UNREAD_BYTES) socket.destroy();
  },
  listen: (onBytes, onClosed) => {
    socket.on('data', onBytes);
    // 'close' follows, and tells whoever waits.
    socket.on('error', () => {});
    socket.on('close', onClosed);
    if (socket.destroyed) onClosed();
  },
  close: () => socket.destroy(),
});
