import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';

/** Clients send at most some 32 KiB in a message; scripts may send a whole file. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** The subprotocol agreed on for a request that is being accepted. */
const agreed = new WeakMap<IncomingMessage, string>();

/** Without compression: it costs 300 kB a connection, and nothing is gained on the way to the kubelet. */
const server = new WebSocketServer({
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  maxPayload: MAX_MESSAGE_BYTES,
}).on('headers', (headers, request) => {
  const protocol = agreed.get(request);
  if (protocol !== undefined) headers.push(`Sec-WebSocket-Protocol: ${protocol}`);
});

/**
 * Switches the connection to WebSocket with that subprotocol, if any. Resolves with undefined when the request was
 * no proper handshake: it was answered with an HTTP error, and the connection is closed.
 *
 * The subprotocol's header is kept from ws, which would refuse the slash in `SPDY/3.1+portforward.k8s.io`
 * (RFC 6455 allows tokens alone there; Kubernetes does not mind).
 */
export const acceptWebSocket = (
  request: IncomingMessage,
  socket: Duplex,
  protocol: string | undefined,
): Promise<WebSocket | undefined> =>
  new Promise((resolve) => {
    delete request.headers['sec-websocket-protocol'];
    if (protocol !== undefined) agreed.set(request, protocol);
    socket.once('close', () => resolve(undefined));
    server.handleUpgrade(request, socket, Buffer.alloc(0), (webSocket) => {
      // An error is followed by 'close', which is what we act on.
      webSocket.on('error', () => {});
      resolve(webSocket);
    });
  });
