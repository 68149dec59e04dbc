import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface Relay extends AsyncDisposable {
  readonly port: number;
}

/** A TCP server of a random port of 127.0.0.1, and what it does with each connection. */
export async function relay(handle: (socket: Socket) => void): Promise<Relay> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    handle(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const at = server.address();
  assert.ok(at !== null && typeof at === 'object');
  return {
    port: at.port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A way to a server that can be spoilt: frozen, frozen after so many bytes of the server, or closed at once. */
export async function relayTo(port: number) {
  let frozen = false;
  let left = Number.POSITIVE_INFINITY;
  let drops = 0;
  const listener = await relay((near) => {
    if (drops > 0) {
      drops -= 1;
      near.destroy();
      return;
    }
    const far = connect({ host: '127.0.0.1', port });
    near.on('data', (chunk) => {
      if (!frozen) far.write(chunk);
    });
    far.on('data', (chunk) => {
      left -= chunk.length;
      if (!frozen && left >= 0) near.write(chunk);
    });
    near.once('close', () => far.destroy());
    far.once('close', () => near.destroy());
    far.on('error', () => near.destroy());
  });
  return Object.assign(listener, {
    freeze: () => {
      frozen = true;
    },
    freezeAfter: (bytes: number) => {
      left = bytes;
    },
    drop: (connections: number) => {
      drops = connections;
    },
  });
}
