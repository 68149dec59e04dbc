import type { Readable, Writable } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Resize } from '../../shim/protocol/messages.ts';
import { ended } from '../end-stream.ts';
import type { ServeOptions, SessionEndpoint } from '../endpoint.ts';
import { reportEnd } from '../report-end.ts';
import { Channel, type ChannelProtocol } from '../websocket/channel-protocol.ts';
import { Channels } from '../websocket/channels.ts';
import type { Remote, StreamRequest } from './remote.ts';
import { ResizeReader } from './resize.ts';
import { serveSession } from './serve-session.ts';
import { encodeOutcome, type Outcome } from './status.ts';

/** Serves one exec or attach to a client that speaks WebSocket. Resolves when the client is gone. */
export const serveWebSocketSession = async (
  webSocket: WebSocket,
  protocol: ChannelProtocol,
  endpoint: SessionEndpoint,
  options: ServeOptions,
): Promise<void> => {
  const channels = new Channels(webSocket, protocol, options);
  const remote = new WebSocketRemote(channels, protocol, endpoint.streams);
  const outcome = await serveSession(remote, endpoint.streams, endpoint.open);
  await channels.closed;
  reportEnd(
    options.log,
    endpoint.kind,
    channels.failure ?? (outcome.kind === 'failed' ? outcome.error : undefined),
  );
};

/** The client of an exec or attach over WebSocket: all channels are there from the start. */
class WebSocketRemote implements Remote {
  readonly #channels: Channels;
  readonly #protocol: ChannelProtocol;
  readonly #error: Writable;
  readonly #resize: Readable | undefined;
  readonly stdin: Readable | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;

  constructor(channels: Channels, protocol: ChannelProtocol, request: StreamRequest) {
    this.#channels = channels;
    this.#protocol = protocol;
    this.#error = channels.output(Channel.error);
    this.#resize = request.tty ? channels.input(Channel.resize) : undefined;
    this.stdin = request.stdin ? channels.input(Channel.stdin) : undefined;
    this.stdout = request.stdout ? channels.output(Channel.stdout) : undefined;
    this.stderr = request.stderr && !request.tty ? channels.output(Channel.stderr) : undefined;
    // An empty message on the first channel that we write tells the client that the connection stands.
    (this.stdout ?? this.stderr ?? this.#error).write(Buffer.alloc(0));
  }

  get signal(): AbortSignal {
    return this.#channels.signal;
  }

  onResize(listener: (size: Resize) => void): void {
    const reader = new ResizeReader();
    this.#resize?.on('data', (chunk: Buffer) => {
      const size = reader.read(chunk).at(-1);
      if (size !== undefined) listener(size);
    });
  }

  async finish(outcome: Outcome): Promise<void> {
    await Promise.all([this.stdout, this.stderr].map((output) => output && ended(output)));
    const status = encodeOutcome(outcome, this.#protocol.status);
    if (status !== '') this.#error.write(status);
    await ended(this.#error);
    this.#channels.finish();
  }
}
