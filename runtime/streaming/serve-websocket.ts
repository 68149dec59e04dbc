import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Endpoint, PortForwardEndpoint, ServeOptions, SessionEndpoint } from './endpoint.ts';
import { MAX_CHANNEL_PORTS, serveChannelForward } from './portforward/serve-channel-forward.ts';
import { PORT_FORWARD_PROTOCOL, servePortForward } from './portforward/serve-port-forward.ts';
import { serveWebSocketSession } from './remotecommand/serve-websocket-session.ts';
import { negotiate, offeredProtocols, refuseUpgrade } from './upgrade.ts';
import { acceptWebSocket } from './websocket/accept.ts';
import { CHANNEL_PROTOCOLS, type ChannelProtocol, UNNAMED_PROTOCOL } from './websocket/channel-protocol.ts';
import { WebSocketTunnel } from './websocket/tunnel.ts';

/** What Go clients do to forward ports over WebSocket: tunnel the SPDY connection that they would have had. */
const TUNNEL_PROTOCOL = `SPDY/3.1+${PORT_FORWARD_PROTOCOL}`;

/** Answers a request to upgrade to WebSocket and serves what waits behind its URL. Resolves when the client is gone. */
export const serveWebSocket = (
  request: IncomingMessage,
  socket: Duplex,
  endpoint: Endpoint,
  options: ServeOptions,
): Promise<void> =>
  endpoint.kind === 'portforward'
    ? servePorts(request, socket, endpoint, options)
    : serveSession(request, socket, endpoint, options);

const servePorts = async (
  request: IncomingMessage,
  socket: Duplex,
  endpoint: PortForwardEndpoint,
  options: ServeOptions,
): Promise<void> => {
  if (offered(request).includes(TUNNEL_PROTOCOL)) {
    const webSocket = await acceptWebSocket(request, socket, TUNNEL_PROTOCOL);
    if (webSocket !== undefined)
      await servePortForward(new WebSocketTunnel(webSocket), endpoint.dial, options);
    return;
  }
  const { length } = endpoint.ports;
  if (length === 0 || length > MAX_CHANNEL_PORTS) {
    return refuseUpgrade(
      socket,
      400,
      `${TUNNEL_PROTOCOL} is spoken here, or 1 to ${MAX_CHANNEL_PORTS} ports in channels`,
    );
  }
  await overChannels(request, socket, CHANNEL_PROTOCOLS.filter(forPorts), (webSocket, protocol) =>
    serveChannelForward(webSocket, protocol, endpoint, options),
  );
};

/** v5's half-close is of remotecommand alone. */
const forPorts = (protocol: ChannelProtocol): boolean => protocol.name.startsWith('v4.');

const serveSession = (
  request: IncomingMessage,
  socket: Duplex,
  endpoint: SessionEndpoint,
  options: ServeOptions,
): Promise<void> =>
  overChannels(request, socket, CHANNEL_PROTOCOLS, (webSocket, protocol) =>
    serveWebSocketSession(webSocket, protocol, endpoint, options),
  );

/** Settles on one of the protocols and serves, or refuses the request. */
const overChannels = async (
  request: IncomingMessage,
  socket: Duplex,
  spoken: readonly ChannelProtocol[],
  serve: (webSocket: WebSocket, protocol: ChannelProtocol) => Promise<void>,
): Promise<void> => {
  const names = spoken.map(({ name }) => name);
  const wanted = offered(request);
  const name = negotiate(wanted, names);
  if (name === undefined && wanted.length > 0) {
    return refuseUpgrade(socket, 403, `no protocol in common; spoken here: ${names.join(', ')}`);
  }
  const protocol = spoken.find((known) => known.name === name) ?? UNNAMED_PROTOCOL;
  const webSocket = await acceptWebSocket(request, socket, name);
  if (webSocket !== undefined) await serve(webSocket, protocol);
};

const offered = (request: IncomingMessage): string[] => offeredProtocols(request, 'sec-websocket-protocol');
