import { createReadStream } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';
import type { Blob, ServedImage } from './image.ts';

export interface Registry {
  readonly port: number;
  close(): Promise<void>;
}

/** One image, ready to be served to several clients, each of which is told how it gets on. */
export interface ImageServing {
  /** Bytes of configuration and layers, as they are sent. */
  readonly bytes: number;
  /** A port for one client; `onSent` is told of each piece of the configuration and the layers. */
  serve(onSent: (bytes: number) => void): Promise<Registry>;
}

export const servingOf = (repository: string, tag: string, image: ServedImage): ImageServing => ({
  bytes: image.blobs.reduce((sum, { bytes }) => sum + bytes, 0),
  serve: (onSent) => serveImage(repository, tag, image, onSent),
});

/** Serves one image, read-only, on the loopback: the pull half of the OCI distribution specification 1.1. */
async function serveImage(
  repository: string,
  tag: string,
  image: ServedImage,
  onSent: (bytes: number) => void,
): Promise<Registry> {
  const manifests = new Map([tag, digestOf(image.index)].map((reference) => [reference, image.index]));
  manifests.set(digestOf(image.manifest), image.manifest);
  const blobs = new Map(image.blobs.map((blob) => [digestOf(blob), blob]));
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname);
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return refuse(response, 405, 'UNSUPPORTED', 'this registry is read-only');
    if (path === '/v2/' || path === '/v2') return answerJson(response, {});
    if (path === `/v2/${repository}/tags/list`)
      return answerJson(response, { name: repository, tags: [tag] });
    const match = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(path);
    if (match === null || match[1] !== repository)
      return refuse(response, 404, 'NAME_UNKNOWN', `no repository at ${path}`);
    const [, , kind, reference = ''] = match;
    const found = (kind === 'manifests' ? manifests : blobs).get(reference);
    if (found === undefined)
      return refuse(
        response,
        404,
        kind === 'manifests' ? 'MANIFEST_UNKNOWN' : 'BLOB_UNKNOWN',
        `no ${reference} in ${repository}`,
      );
    send(request, response, found, kind === 'blobs' ? onSent : () => undefined);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return { port: (server.address() as AddressInfo).port, close: () => closeServer(server) };
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  blob: Blob,
  onSent: (bytes: number) => void,
): void {
  const range = rangeOf(request.headers.range, blob.bytes);
  if (range === 'unsatisfiable') {
    response.writeHead(416, { 'content-range': `bytes */${blob.bytes}` }).end();
    return;
  }
  const { start, end } = range ?? { start: 0, end: blob.bytes - 1 };
  response.writeHead(range === undefined ? 200 : 206, {
    'content-type': blob.mediaType,
    'content-length': end - start + 1,
    'accept-ranges': 'bytes',
    'docker-content-digest': digestOf(blob),
    etag: `"${digestOf(blob)}"`,
    ...(range === undefined ? {} : { 'content-range': `bytes ${start}-${end}/${blob.bytes}` }),
  });
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  // A client that goes away in the middle is its own affair; the stream is destroyed with the answer.
  const content = createReadStream(blob.path, { start, end });
  content.on('data', (piece) => onSent(piece.length));
  pipeline(content, response, () => undefined);
}

/** One range of RFC 9110 section 14.2; others, and several at once, are answered by the whole. */
function rangeOf(
  header: string | undefined,
  size: number,
): { readonly start: number; readonly end: number } | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (match === null) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '' && last === '') return undefined;
  if (first === '')
    return Number(last) === 0 ? 'unsatisfiable' : { start: Math.max(0, size - Number(last)), end: size - 1 };
  const start = Number(first);
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  return start >= size || end < start ? 'unsatisfiable' : { start, end };
}

function answerJson(response: ServerResponse, body: object): void {
  response
    .writeHead(200, { 'content-type': 'application/json', 'docker-distribution-api-version': 'registry/2.0' })
    .end(JSON.stringify(body));
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  response
    .writeHead(status, { 'content-type': 'application/json' })
    .end(JSON.stringify({ errors: [{ code, message }] }));
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

const digestOf = (blob: Blob): string => `sha256:${blob.sha256}`;
