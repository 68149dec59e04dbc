import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Endpoint, ServeOptions } from './endpoint.ts';
import { PORT_FORWARD_PROTOCOL, servePortForward } from './portforward/serve-port-forward.ts';
import { serveSpdySession } from './remotecommand/serve-spdy-session.ts';
import { SPDY_PROTOCOLS } from './remotecommand/spdy-remote.ts';
import { acceptSpdy, negotiate, offeredProtocols, refuseUpgrade } from './upgrade.ts';

/** Answers a request to upgrade to SPDY/3.1 and serves what waits behind its URL. Resolves when the client is gone. */
export const serveSpdy = async (
  request: IncomingMessage,
  socket: Duplex,
  endpoint: Endpoint,
  options: ServeOptions,
): Promise<void> => {
  if (endpoint.kind === 'portforward') {
    const protocol = agree(request, socket, [PORT_FORWARD_PROTOCOL]);
    if (protocol !== undefined) await servePortForward(socket, endpoint.dial, options);
    return;
  }
  const protocol = agree(request, socket, SPDY_PROTOCOLS);
  if (protocol !== undefined) await serveSpdySession(socket, protocol, endpoint, options);
};

/** Settles on a protocol and switches to it, or refuses the request and says what would be accepted. */
const agree = <P extends string>(
  request: IncomingMessage,
  socket: Duplex,
  spoken: readonly P[],
): P | undefined => {
  const offered = offeredProtocols(request, 'x-stream-protocol-version');
  const protocol = negotiate(offered, spoken);
  if (protocol !== undefined) {
    acceptSpdy(socket, protocol);
    return protocol;
  }
  if (offered.length === 0) {
    refuseUpgrade(socket, 400, 'the header X-Stream-Protocol-Version is missing');
  } else {
    const accepted = spoken.map((name) => `X-Accepted-Stream-Protocol-Versions: ${name}`);
    refuseUpgrade(socket, 403, `no protocol in common; spoken here: ${spoken.join(', ')}`, accepted);
  }
  return undefined;
};
