import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

const REASONS = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  503: 'Service Unavailable',
} as const;
export type RefusalStatus = keyof typeof REASONS;

/** Answers an upgrade request with an HTTP error and ends our side of the connection. */
export const refuseUpgrade = (
  socket: Duplex,
  status: RefusalStatus,
  message: string,
  headers: readonly string[] = [],
): void => {
  const body = `${message}\n`;
  const head = [
    `HTTP/1.1 ${status} ${REASONS[status]}`,
    'Connection: close',
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...headers,
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
};

/** Switches the connection to SPDY/3.1 carrying `protocol`. */
export const acceptSpdy = (socket: Duplex, protocol: string): void => {
  const head = [
    'HTTP/1.1 101 Switching Protocols',
    'Connection: Upgrade',
    'Upgrade: SPDY/3.1',
    `X-Stream-Protocol-Version: ${protocol}`,
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
};

/** Names in a header that may come more than once and may hold several, divided by commas. */
export const offeredProtocols = (request: IncomingMessage, header: string): string[] =>
  (request.headersDistinct[header] ?? [])
    .flatMap((value) => value.split(','))
    .map((name) => name.trim())
    .filter((name) => name !== '');

/** The first of the client's protocols that we speak: the order is the client's preference. */
export const negotiate = <P extends string>(
  offered: readonly string[],
  spoken: readonly P[],
): P | undefined => {
  for (const name of offered) {
    const match = spoken.find((protocol) => protocol === name);
    if (match !== undefined) return match;
  }
  return undefined;
};
