import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import type { Socket } from 'node:net';
import { http, https } from '../../core/builtin-http.ts';
import { type CertificateOptions, certificatesFor } from './certificates.ts';

/** A host that does not take a connection in this time is not there. */
const CONNECT_MS = 10_000;

/** A request that does not get its response's head, or a body that stands still, for this long is broken. */
export const STALL_MS = 60_000;

export interface SendOptions {
  readonly headers: Readonly<Record<string, string>>;
  /** Sent with POST; undefined: GET. */
  readonly form?: string;
  readonly signal: AbortSignal;
}

/** One request, one response: connections are kept and reused, redirects and statuses are the caller's. */
export interface Transport {
  send(url: URL, options: SendOptions): Promise<IncomingMessage>;
  /** Closes idle connections. */
  close(): void;
}

export interface TransportOptions {
  /** Do not verify certificates. */
  readonly insecure: boolean;
  /** Milliseconds; see STALL_MS. */
  readonly stallMs: number;
}

/** Proxies come from HTTP_PROXY, HTTPS_PROXY and NO_PROXY; certificates from certs.d of the host. */
export const createTransport = (options: TransportOptions): Transport => {
  const shared = { keepAlive: true, maxSockets: 16, proxyEnv: process.env };
  const plain = new http.Agent(shared);
  const secure = new https.Agent(shared);
  const certificates = new Map<string, CertificateOptions>();

  const certificatesOf = (host: string): CertificateOptions => {
    const known = certificates.get(host) ?? certificatesFor(host);
    certificates.set(host, known);
    return known;
  };

  const open = (url: URL, request: RequestOptions): ClientRequest =>
    url.protocol === 'https:'
      ? https.request(url, {
          ...request,
          ...certificatesOf(url.host),
          agent: secure,
          rejectUnauthorized: !options.insecure,
        })
      : http.request(url, { ...request, agent: plain });

  return {
    send: (url, { headers, form, signal }) =>
      new Promise((resolve, reject) => {
        const request = open(url, {
          method: form === undefined ? 'GET' : 'POST',
          headers: {
            'user-agent': 'berth',
            ...headers,
            ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
          },
          signal,
        });
        request.setTimeout(options.stallMs, () => request.destroy(stalled(url.host, options.stallMs)));
        request.on('socket', (socket) => limitConnecting(request, socket, url.host));
        request.on('error', reject);
        request.on('response', (response) => {
          request.setTimeout(0);
          resolve(response);
        });
        request.end(form);
      }),
    close() {
      plain.destroy();
      secure.destroy();
    },
  };
};

/** Unlike a broken connection, a host that does not answer at all is not tried again: a mirror or the caller is. */
const limitConnecting = (request: ClientRequest, socket: Socket, host: string): void => {
  if (!socket.connecting) return;
  const silent = Object.assign(new Error(`${host} took no connection in ${CONNECT_MS / 1000} s`), {
    code: 'ENOCONNECTION',
  });
  const clock = setTimeout(() => request.destroy(silent), CONNECT_MS);
  socket.once('connect', () => clearTimeout(clock)).once('close', () => clearTimeout(clock));
};

/** The error of a peer that stopped talking; its code makes it a broken connection like any other. */
export const stalled = (host: string, milliseconds: number): Error =>
  Object.assign(new Error(`${host} sent nothing for ${Math.round(milliseconds / 1000)} s`), {
    code: 'ETIMEDOUT',
  });
