import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { isIPv6, type Socket } from 'node:net';
import { Fail } from '../core/fail.ts';
import type { TlsFiles } from './certificates.ts';
import type { Endpoint, OpenSession, ServeOptions } from './endpoint.ts';
import { createHttpServer } from './http-server.ts';
import type { Dial } from './portforward/forward.ts';
import type { StreamRequest } from './remotecommand/remote.ts';
import { serveSpdy } from './serve-spdy.ts';
import { serveWebSocket } from './serve-websocket.ts';
import { Tokens } from './tokens.ts';
import { refuseUpgrade } from './upgrade.ts';

export interface StreamingServerOptions extends ServeOptions {
  /** IP address to listen on. */
  readonly address: string;
  /** 0: one that is free. */
  readonly port: number;
  /** Absent: plain HTTP. */
  readonly tls?: TlsFiles | undefined;
  /** How long a URL may be used after it was given out. */
  readonly tokenTtlMs: number;
}

/** Serves the URLs that the CRI answers to Exec, Attach and PortForward. Each URL works once. */
export interface StreamingServer {
  /** Rejects with `Unavailable` when the address cannot be listened on. */
  listen(): Promise<{ readonly baseUrl: string }>;
  /** Ends every connection with its session; resolves when nothing is left. */
  close(): Promise<void>;
  /**
   * `open` is called when the client has come and opened all its streams; its signal tells that it left.
   * Throws `ResourceExhausted` when too many URLs wait for their client.
   */
  execUrl(streams: StreamRequest, open: OpenSession): string;
  attachUrl(streams: StreamRequest, open: OpenSession): string;
  /**
   * `dial` is called for each connection that the client forwards. `ports` are the CRI request's: the older way of
   * WebSocket clients forwards one connection to each of them; SPDY clients name the port with each connection.
   */
  portForwardUrl(dial: Dial, ports?: readonly number[]): string;
}

const MAX_OUTSTANDING_TOKENS = 1_000;
const MAX_CONNECTIONS = 4_096;
/** A longer one, setTimeout lets go off at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const KEEP_ALIVE_MS = 30_000;
const GONE = 'no such URL, or it was used already';
const UPGRADE_ONLY = 'this URL is for SPDY/3.1 and WebSocket clients';

/** Throws `InvalidArgument` for certificates that cannot be used. */
export const createStreamingServer = (options: StreamingServerOptions): StreamingServer =>
  new HttpStreamingServer(options);

class HttpStreamingServer implements StreamingServer {
  readonly #options: StreamingServerOptions;
  readonly #tokens: Tokens<Endpoint>;
  readonly #http: Server;
  /** Every connection as it was accepted: also those that are still at the TLS handshake. */
  readonly #connections = new Set<Socket>();
  /** What the upgraded connections carry, which node:http no longer knows of. */
  readonly #work = new Set<Promise<void>>();
  #baseUrl: string | undefined;

  constructor(options: StreamingServerOptions) {
    this.#options = { ...options, idleTimeoutMs: Math.min(options.idleTimeoutMs, MAX_TIMER_MS) };
    this.#tokens = new Tokens({ ttlMs: options.tokenTtlMs, limit: MAX_OUTSTANDING_TOKENS });
    this.#http = createHttpServer(options.tls, options.log);
    this.#http.maxConnections = MAX_CONNECTIONS;
    this.#http.on('connection', (socket) => {
      this.#connections.add(socket);
      socket.once('close', () => this.#connections.delete(socket));
    });
    this.#http.on('request', (request, response) => this.#answerPlain(request, response));
    this.#http.on('upgrade', (request, _socket, head) => this.#upgrade(request, head));
  }

  listen(): Promise<{ readonly baseUrl: string }> {
    const { address, port } = this.#options;
    return new Promise((resolve, reject) => {
      const failed = (cause: Error) =>
        reject(
          new Fail('Unavailable', `the streaming server cannot listen on ${address} port ${port}`, { cause }),
        );
      this.#http.once('error', failed);
      this.#http.listen(port, address, () => {
        this.#http.off('error', failed);
        const baseUrl = baseUrlOf(this.#http, this.#options.tls === undefined ? 'http' : 'https');
        this.#baseUrl = baseUrl;
        resolve({ baseUrl });
      });
    });
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#http.close(() => resolve()));
    for (const socket of this.#connections) socket.destroy();
    await Promise.all([closed, ...this.#work]);
  }

  execUrl(streams: StreamRequest, open: OpenSession): string {
    return this.#urlOf({ kind: 'exec', streams, open });
  }

  attachUrl(streams: StreamRequest, open: OpenSession): string {
    return this.#urlOf({ kind: 'attach', streams, open });
  }

  portForwardUrl(dial: Dial, ports: readonly number[] = []): string {
    return this.#urlOf({ kind: 'portforward', dial, ports });
  }

  #urlOf(endpoint: Endpoint): string {
    if (this.#baseUrl === undefined)
      throw new Fail('Unavailable', 'the streaming server does not listen yet');
    return `${this.#baseUrl}/${endpoint.kind}/${this.#tokens.issue(endpoint)}`;
  }

  /** What waits behind the request's URL, which is used up by this. */
  #takeEndpoint(request: IncomingMessage): Endpoint | undefined {
    const [path = ''] = (request.url ?? '').split('?', 1);
    const [, kind, token, ...rest] = path.split('/');
    if (token === undefined || rest.length > 0) return undefined;
    const endpoint = this.#tokens.take(token);
    return endpoint?.kind === kind ? endpoint : undefined;
  }

  #answerPlain(request: IncomingMessage, response: ServerResponse): void {
    const known = this.#takeEndpoint(request) !== undefined;
    response.writeHead(known ? 400 : 404, {
      connection: 'close',
      'content-type': 'text/plain; charset=utf-8',
    });
    response.end(`${known ? UPGRADE_ONLY : GONE}\n`);
  }

  #upgrade(request: IncomingMessage, head: Buffer): void {
    const { socket } = request;
    takeOver(socket, head);
    const work = this.#serve(request)
      .catch((error: unknown) => this.#options.log.error('streaming connection failed', { error }))
      .finally(() => {
        socket.destroySoon();
        this.#work.delete(work);
      });
    this.#work.add(work);
  }

  async #serve(request: IncomingMessage): Promise<void> {
    const endpoint = this.#takeEndpoint(request);
    if (endpoint === undefined) return refuseUpgrade(request.socket, 404, GONE);
    const upgrade = request.headers.upgrade?.toLowerCase();
    if (upgrade === 'spdy/3.1') return serveSpdy(request, request.socket, endpoint, this.#options);
    if (upgrade === 'websocket') return serveWebSocket(request, request.socket, endpoint, this.#options);
    return refuseUpgrade(request.socket, 400, UPGRADE_ONLY);
  }
}

/** Makes the socket of an upgrade request ours: errors come out as its 'close', and what was read ahead goes back. */
const takeOver = (socket: Socket, head: Buffer): void => {
  socket.on('error', () => {});
  socket.setTimeout(0);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  if (head.length > 0) socket.unshift(head);
};

/** A server that listens on all addresses is reached by the kubelet, on the same machine, through loopback. */
const baseUrlOf = (http: Server, scheme: 'http' | 'https'): string => {
  const bound = http.address();
  if (bound === null || typeof bound === 'string')
    throw new Fail('Internal', 'the streaming server has no port');
  const host = { '0.0.0.0': '127.0.0.1', '::': '::1' }[bound.address] ?? bound.address;
  return `${scheme}://${isIPv6(host) ? `[${host}]` : host}:${bound.port}`;
};
