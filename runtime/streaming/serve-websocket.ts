import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Endpoint, PortForwardEndpoint, ServeOptions, SessionEndpoint } from './endpoint.ts';
import { PORT_FORWARD_PROTOCOL, servePortForward } from './portforward/serve-port-forward.ts';
import { serveWebSocketSession } from './remotecommand/serve-websocket-session.ts';
import { negotiate, offeredProtocols, refuseUpgrade } from './upgrade.ts';
import { acceptWebSocket } from './websocket/accept.ts';
import { CHANNEL_PROTOCOLS, UNNAMED_PROTOCOL } from './websocket/channel-protocol.ts';
import { WebSocketTunnel } from './websocket/tunnel.ts';

/** Port-forward over WebSocket tunnels the SPDY connection that it would have had. */
const TUNNEL_PROTOCOL = `SPDY/3.1+${PORT_FORWARD_PROTOCOL}`;

/** Answers a request to upgrade to WebSocket and serves what waits behind its URL. Resolves when the client is gone. */
export const serveWebSocket = (
  request: IncomingMessage,
  socket: Duplex,
  endpoint: Endpoint,
  options: ServeOptions,
): Promise<void> =>
  endpoint.kind === 'portforward'
    ? serveTunnel(request, socket, endpoint, options)
    : serveChannels(request, socket, endpoint, options);

const serveTunnel = async (
  request: IncomingMessage,
  socket: Duplex,
  endpoint: PortForwardEndpoint,
  options: ServeOptions,
): Promise<void> => {
  const protocol = negotiate(offered(request), [TUNNEL_PROTOCOL]);
  if (protocol === undefined) return refuse(socket, [TUNNEL_PROTOCOL]);
  const webSocket = await acceptWebSocket(request, socket, protocol);
  if (webSocket !== undefined) await servePortForward(new WebSocketTunnel(webSocket), endpoint.dial, options);
};

const serveChannels = async (
  request: IncomingMessage,
  socket: Duplex,
  endpoint: SessionEndpoint,
  options: ServeOptions,
): Promise<void> => {
  const names = CHANNEL_PROTOCOLS.map(({ name }) => name);
  const wanted = offered(request);
  const name = negotiate(wanted, names);
  if (name === undefined && wanted.length > 0) return refuse(socket, names);
  const protocol = CHANNEL_PROTOCOLS.find((known) => known.name === name) ?? UNNAMED_PROTOCOL;
  const webSocket = await acceptWebSocket(request, socket, name);
  if (webSocket !== undefined) await serveWebSocketSession(webSocket, protocol, endpoint, options);
};

const offered = (request: IncomingMessage): string[] => offeredProtocols(request, 'sec-websocket-protocol');

const refuse = (socket: Duplex, spoken: readonly string[]): void =>
  refuseUpgrade(socket, 403, `no protocol in common; spoken here: ${spoken.join(', ')}`);
