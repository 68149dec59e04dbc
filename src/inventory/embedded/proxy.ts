/**
 * The embedded host's only way out: an HTTP proxy on a unix socket, a process of its own that lives
 * as long as the host. It forwards to the given package mirrors and to nothing else.
 * Arguments: path of the socket, then one origin (`http://archive.example`) per mirror.
 */
import { request as ask, createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';

const [socketPath, ...origins] = process.argv.slice(2);
if (socketPath === undefined) throw new Error('usage: proxy SOCKET ORIGIN...');
const allowed = new Set(origins.map((origin) => new URL(origin).origin));

const server = createServer(forward);
server.on('connect', tunnel);
server.listen(socketPath);

/** `GET http://mirror/path`: the form that apt sends for http mirrors. */
function forward(request: IncomingMessage, response: ServerResponse): void {
  const target = mirrorOf(request.url ?? '');
  if (target === undefined || (request.method !== 'GET' && request.method !== 'HEAD')) {
    response.writeHead(403).end(`only package mirrors are reachable from here: ${[...allowed].join(' ')}\n`);
    return;
  }
  const { 'proxy-connection': _, ...headers } = request.headers;
  const upstream = ask(target, { method: request.method, headers: { ...headers, host: target.host } });
  upstream.on('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
    answer.on('error', () => response.destroy());
  });
  upstream.on('error', (error) => {
    if (response.headersSent) response.destroy();
    else response.writeHead(502).end(`${target.host}: ${error.message}\n`);
  });
  response.on('close', () => upstream.destroy());
  upstream.end();
}

/** `CONNECT mirror:443`: the form for https mirrors. */
function tunnel(request: IncomingMessage, client: Socket, head: Buffer): void {
  const target = mirrorOf(`https://${request.url ?? ''}`);
  if (target === undefined) {
    client.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    return;
  }
  const upstream = connect(Number(target.port || 443), target.hostname, () => {
    client.write('HTTP/1.1 200 OK\r\n\r\n');
    upstream.write(head);
    upstream.pipe(client).pipe(upstream);
  });
  upstream.on('error', () => client.destroy());
  client.on('error', () => upstream.destroy());
  client.on('close', () => upstream.destroy());
}

function mirrorOf(address: string): URL | undefined {
  if (!URL.canParse(address)) return undefined;
  const url = new URL(address);
  return allowed.has(url.origin) ? url : undefined;
}
