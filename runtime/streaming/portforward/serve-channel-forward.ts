import type { WebSocket } from 'ws';
import type { PortForwardEndpoint, ServeOptions } from '../endpoint.ts';
import { reportEnd } from '../report-end.ts';
import type { ChannelProtocol } from '../websocket/channel-protocol.ts';
import { Channels } from '../websocket/channels.ts';
import { forward } from './forward.ts';

/** Two channels a port, and a channel is a byte. */
export const MAX_CHANNEL_PORTS = 127;

/**
 * The older way to forward ports over WebSocket, which the Python and JavaScript clients take: one connection to
 * each port of the request, its bytes on channel 2n and its error on 2n + 1. The first message on each names the
 * port in two bytes, little-endian. Resolves when the client is gone.
 */
export const serveChannelForward = async (
  webSocket: WebSocket,
  protocol: ChannelProtocol,
  endpoint: PortForwardEndpoint,
  options: ServeOptions,
): Promise<void> => {
  const channels = new Channels(webSocket, protocol, options);
  const forwards = endpoint.ports.map(async (port, index) => {
    const pair = { port, data: channels.duplex(2 * index), error: channels.output(2 * index + 1) };
    const name = Buffer.alloc(2);
    name.writeUInt16LE(port);
    pair.data.write(name);
    pair.error.write(name);
    const error = await forward(pair, endpoint.dial, channels.signal);
    if (error !== undefined) options.log.warn('port-forward failed', { port, error });
  });
  await Promise.all(forwards);
  channels.finish();
  await channels.closed;
  reportEnd(options.log, 'port-forward', channels.failure);
};
