import { WebSocket } from 'ws';

/**
 * A WebSocket that tunnels SPDY, as Kubernetes' clients forward ports. ws refuses the slash in the name of that
 * subprotocol, which is none that RFC 6455 allows: so it goes past ws, in the request and in the answer.
 */
export const openTunnel = (url: string): WebSocket => {
  const webSocket = new WebSocket(url.replace('http:', 'ws:'), [], {
    headers: { 'Sec-WebSocket-Protocol': 'SPDY/3.1+portforward.k8s.io' },
  });
  webSocket.on('error', () => {});
  webSocket.on('upgrade', ({ headers }) => {
    delete headers['sec-websocket-protocol'];
  });
  return webSocket;
};
