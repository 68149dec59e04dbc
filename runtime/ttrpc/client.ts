import {
  create,
  type DescMessage,
  type DescMethod,
  type DescService,
  fromBinary,
  type MessageInitShape,
  toBinary,
} from '@bufbuild/protobuf';
import { Fail } from '../core/fail.ts';
import { RequestSchema, ResponseSchema } from '../spec/ttrpc/ttrpc/request_pb.js';
import type { Conduit } from './conduit.ts';
import { encodeFrame, FrameReader, FrameType } from './frames.ts';
import type { CallOptions, Methods } from './service.ts';
import { failOf } from './status.ts';

interface Waiting {
  readonly resolve: (payload: Uint8Array) => void;
  readonly reject: (error: Fail) => void;
}

/** Stream ids are 32 bits; a connection that has used them up is made anew by whoever needs it. */
const LAST_STREAM_ID = 2 ** 32 - 1;

/**
 * The calling side of a ttrpc connection. Whatever comes on it that is no ttrpc ends it: then all calls, those in flight
 * and later ones, fail `Unavailable`. No answer is ever waited for longer than its call says.
 */
export class Client {
  readonly #conduit: Conduit;
  readonly #frames = new FrameReader();
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #closed = false;
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
  readonly #tellClosed: () => void;

  constructor(conduit: Conduit) {
    this.#conduit = conduit;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    this.#tellClosed = resolve;
    conduit.listen(
      (bytes) => this.#receive(bytes),
      () => this.#end(),
    );
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** The methods of a service that the peer has, maybe by another name. */
  methods<Service extends DescService>(service: Service, typeName = service.typeName): Methods<Service> {
    const methods = service.methods.map((method) => [
      method.localName,
      (request: MessageInitShape<DescMessage>, options: CallOptions) =>
        this.#call(typeName, method, request, options),
    ]);
    return Object.fromEntries(methods) as Methods<Service>;
  }

  close(): void {
    this.#conduit.close();
    this.#end();
  }

  async #call(
    service: string,
    method: DescMethod,
    request: MessageInitShape<DescMessage>,
    options: CallOptions,
  ) {
    const payload = toBinary(method.input, create(method.input, request));
    const answer = await this.#exchange(service, method, payload, options);
    try {
      return fromBinary(method.output, answer);
    } catch (cause) {
      throw new Fail('Internal', `the answer to ${method.name} is no ${method.output.typeName}`, { cause });
    }
  }

  #exchange(
    service: string,
    { name }: DescMethod,
    payload: Uint8Array,
    { timeoutMs, signal }: CallOptions,
  ): Promise<Uint8Array> {
    const what = `${service}/${name}`;
    if (this.#closed || this.#nextId > LAST_STREAM_ID) return Promise.reject(gone(what));
    if (signal?.aborted === true) return Promise.reject(cancelled(what));
    const streamId = this.#nextId;
    const request = create(RequestSchema, {
      service,
      method: name,
      payload,
      timeoutNano: BigInt(Math.ceil(timeoutMs)) * 1_000_000n,
    });
    // May throw: before anything is registered, and without having used up an id.
    const frame = encodeFrame({
      streamId,
      type: FrameType.request,
      flags: 0,
      payload: toBinary(RequestSchema, request),
    });
    this.#nextId += 2;
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const settled = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      this.#waiting.delete(streamId);
    };
    const fail = (error: Fail) => {
      settled();
      reject(error);
    };
    const abort = () => fail(cancelled(what));
    const timer = setTimeout(
      () => fail(new Fail('DeadlineExceeded', `${what} was not answered within ${timeoutMs} ms`)),
      timeoutMs,
    );
    signal?.addEventListener('abort', abort, { once: true });
    this.#waiting.set(streamId, {
      resolve: (answer) => {
        settled();
        resolve(answer);
      },
      reject: fail,
    });
    this.#conduit.send(frame);
    return promise;
  }

  #receive(bytes: Buffer): void {
    if (this.#closed) return;
    this.#frames.push(bytes);
    try {
      for (let frame = this.#frames.next(); frame !== undefined; frame = this.#frames.next()) {
        // An answer that came too late has nobody who waits.
        const waiting = this.#waiting.get(frame.streamId);
        if (waiting === undefined) continue;
        if (frame.type !== FrameType.response)
          throw new Fail('Internal', `a ttrpc frame of type ${frame.type} came where a response was due`);
        answer(waiting, frame.payload);
      }
    } catch {
      // Not our protocol: the connection is of no use, and its calls learn that.
      this.close();
    }
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const { reject } of [...this.#waiting.values()]) reject(gone('the call'));
    this.#tellClosed();
  }
}

const answer = ({ resolve, reject }: Waiting, payload: Uint8Array): void => {
  const { status, payload: result } = fromBinary(ResponseSchema, payload);
  if (status === undefined || status.code === 0) resolve(result);
  else reject(failOf(status.code, status.message));
};

const gone = (what: string): Fail => new Fail('Unavailable', `${what}: the connection is closed`);

const cancelled = (what: string): Fail => new Fail('Cancelled', `${what} was cancelled`);
