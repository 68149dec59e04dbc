import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { constants, createDeflate } from 'node:zlib';
import { DICTIONARY } from '../../../runtime/streaming/spdy/dictionary.ts';

/** A frame as the client read it, control frames with their payload uninterpreted. */
export type Received =
  | { readonly kind: 'control'; readonly type: number; readonly payload: Buffer }
  | { readonly kind: 'data'; readonly streamId: number; readonly fin: boolean; readonly data: Buffer };

export const SYN_STREAM = 1;
export const SYN_REPLY = 2;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PING = 6;
export const GO_AWAY = 7;
export const HEADERS = 8;
export const WINDOW_UPDATE = 9;

/** The HTTP answer to an upgrade request: its status line and headers, and the socket behind them. */
export interface Upgraded {
  readonly head: string;
  readonly rest: Buffer;
  readonly socket: Socket;
}

/** Asks for an upgrade and reads the answer's head. */
export const requestUpgrade = async (
  url: string,
  headers: readonly string[],
  method = 'POST',
): Promise<Upgraded> => {
  const { hostname, port, pathname } = new URL(url);
  const socket = connect(Number(port), hostname);
  const lines = [`${method} ${pathname} HTTP/1.1`, `Host: ${hostname}`, 'Connection: Upgrade', ...headers];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  let text = Buffer.alloc(0);
  while (!text.includes('\r\n\r\n')) {
    const [chunk] = await Promise.race([once(socket, 'data'), once(socket, 'end').then(() => [undefined])]);
    if (chunk === undefined) break;
    text = Buffer.concat([text, chunk]);
  }
  const end = text.indexOf('\r\n\r\n') + 4;
  return { head: text.toString('latin1', 0, end), rest: text.subarray(end), socket };
};

export const controlFrame = (type: number, payload: Buffer, flags = 0, version = 3): Buffer => {
  const header = Buffer.alloc(8);
  header.writeUInt16BE(0x8000 | version, 0);
  header.writeUInt16BE(type, 2);
  header.writeUInt32BE(flags * 0x1000000 + payload.length, 4);
  return Buffer.concat([header, payload]);
};

export const dataFrame = (streamId: number, data: Buffer, fin = false): Buffer => {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(streamId, 0);
  header.writeUInt32BE((fin ? 0x1000000 : 0) + data.length, 4);
  return Buffer.concat([header, data]);
};

export const words = (...values: readonly number[]): Buffer => {
  const buffer = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) buffer.writeUInt32BE(value, index * 4);
  return buffer;
};

/** Compresses header blocks in one zlib stream, as the protocol wants it. */
export class HeaderDeflater {
  readonly #deflate = createDeflate({ dictionary: DICTIONARY, flush: constants.Z_SYNC_FLUSH });

  async compress(plain: Buffer): Promise<Buffer> {
    await new Promise((resolve) => this.#deflate.write(plain, resolve));
    const parts: Buffer[] = [];
    for (let part = this.#deflate.read(); part !== null; part = this.#deflate.read()) parts.push(part);
    return Buffer.concat(parts);
  }

  block(headers: Readonly<Record<string, string>>): Promise<Buffer> {
    const entries = Object.entries(headers);
    const texts = entries
      .flat()
      .map((text) => Buffer.concat([words(Buffer.byteLength(text)), Buffer.from(text)]));
    return this.compress(Buffer.concat([words(entries.length), ...texts]));
  }
}

/** A client that knows frames and no more, so that a test can say exactly what it sends. */
export class SpdyClient {
  readonly socket: Socket;
  readonly received: Received[] = [];
  readonly closed: Promise<void>;
  readonly #deflater = new HeaderDeflater();
  #buffer: Buffer;
  #nextId = 1;
  #changed = Promise.withResolvers<void>();

  constructor({ socket, rest }: Upgraded) {
    this.socket = socket;
    this.#buffer = rest;
    // A server that cuts the connection may do so while we write.
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.once('close', () => this.#changed.resolve());
  }

  static async connect(url: string, protocol = 'v4.channel.k8s.io'): Promise<SpdyClient> {
    const upgraded = await requestUpgrade(url, [
      'Upgrade: SPDY/3.1',
      `X-Stream-Protocol-Version: ${protocol}`,
    ]);
    if (!upgraded.head.startsWith('HTTP/1.1 101 ')) throw new Error(`not upgraded: ${upgraded.head}`);
    return new SpdyClient(upgraded);
  }

  send(...frames: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  /** Sends SYN_STREAM without waiting for the reply. */
  async open(headers: Readonly<Record<string, string>>, id = this.#nextId): Promise<number> {
    this.#nextId = id + 2;
    const block = await this.#deflater.block(headers);
    this.send(controlFrame(SYN_STREAM, Buffer.concat([words(id, 0), Buffer.alloc(2), block])));
    return id;
  }

  /** Opens remotecommand streams and waits until each was answered. */
  async openAll<T extends string>(...types: readonly T[]): Promise<Record<T, number>> {
    const ids: Partial<Record<T, number>> = {};
    for (const type of types) ids[type] = await this.open({ streamtype: type });
    await this.until(() => this.controls(SYN_REPLY).length >= types.length);
    return ids as Record<T, number>;
  }

  controls(type: number): Buffer[] {
    return this.received.flatMap((frame) =>
      frame.kind === 'control' && frame.type === type ? [frame.payload] : [],
    );
  }

  /** All bytes that came on the stream so far. */
  dataOf(streamId: number): Buffer {
    return Buffer.concat(
      this.received.flatMap((frame) =>
        frame.kind === 'data' && frame.streamId === streamId ? [frame.data] : [],
      ),
    );
  }

  finished(streamId: number): boolean {
    return this.received.some((frame) => frame.kind === 'data' && frame.streamId === streamId && frame.fin);
  }

  /** Waits until what came fulfils the condition; throws when the connection closes before it does. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.socket.destroyed) throw new Error('the server closed the connection');
      await this.#changed.promise;
    }
  }

  #read(chunk: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, chunk]);
    while (this.#buffer.length >= 8) {
      const length = this.#buffer.readUIntBE(5, 3);
      if (this.#buffer.length < 8 + length) break;
      this.received.push(parse(this.#buffer, length));
      this.#buffer = this.#buffer.subarray(8 + length);
    }
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

const parse = (frame: Buffer, length: number): Received => {
  const payload = frame.subarray(8, 8 + length);
  const first = frame.readUInt32BE(0);
  if (first >= 0x80000000) return { kind: 'control', type: first & 0xffff, payload };
  return { kind: 'data', streamId: first, fin: (frame.readUInt8(4) & 1) === 1, data: payload };
};
