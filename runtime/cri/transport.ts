import { chmod, mkdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import {
  create,
  type DescMessage,
  type DescMethod,
  type DescService,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import type { GenService } from '@bufbuild/protobuf/codegenv2';
import * as grpc from '@grpc/grpc-js';
import { Fail, type FailCode } from '../core/fail.ts';
import type { Log } from '../observe/log.ts';
import { requireKnownValues } from './known-values.ts';

/** What a handler knows of the call it serves. */
export interface Call {
  /** Aborted when the client went away or its deadline passed. */
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** An answer that is already in protobuf's wire format: lists are assembled from cached pieces. */
export class Encoded {
  readonly bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

type Shape<Method> = Method extends {
  input: infer In extends DescMessage;
  output: infer Out extends DescMessage;
}
  ? { input: In; output: Out }
  : never;
type Answer<Out extends DescMessage> = MessageInitShape<Out> | Encoded;

/** One service's handlers; those left out answer UNIMPLEMENTED. Unary ones return, streaming ones yield. */
export type Handlers<Service> =
  Service extends GenService<infer Methods>
    ? {
        readonly [Name in keyof Methods]?: (
          request: MessageShape<Shape<Methods[Name]>['input']>,
          call: Call,
        ) => Methods[Name]['methodKind'] extends 'unary'
          ? Promise<Answer<Shape<Methods[Name]>['output']>>
          : AsyncIterable<Answer<Shape<Methods[Name]>['output']>>;
      }
    : never;

/** A service with its handlers, as `serve` takes it. */
export interface Implementation {
  readonly service: DescService;
  readonly handlers: Readonly<Record<string, unknown>>;
}

export const implement = <Service extends DescService>(
  service: Service,
  handlers: Handlers<Service>,
): Implementation => ({ service, handlers: handlers as Implementation['handlers'] });

export interface ServeOptions {
  /** Path of the unix socket. */
  readonly listen: string;
  readonly maxMessageBytes: number;
  readonly implementations: readonly Implementation[];
  readonly log: Log;
}

export interface CriServer {
  /** Takes no more calls, waits for those in flight up to `graceMs`, then breaks them off. */
  close(graceMs: number): Promise<void>;
}

/** Serves gRPC on the socket. The only file that knows how gRPC works. */
export const serve = async (options: ServeOptions): Promise<CriServer> => {
  const server = new grpc.Server({
    'grpc.max_receive_message_length': options.maxMessageBytes,
    'grpc.max_send_message_length': options.maxMessageBytes,
    // grpc-js counts in megabytes and breaks off sessions that buffer more: one largest answer, and room.
    'grpc-node.max_session_memory': Math.ceil(options.maxMessageBytes / 1e6) * 2,
  });
  for (const { service, handlers } of options.implementations)
    server.addService(definitionOf(service), grpcHandlers(service, handlers, options.log));
  await takeSocket(options.listen);
  await bind(server, options.listen);
  await chmod(options.listen, 0o660);
  return { close: (graceMs) => close(server, graceMs) };
};

/** Makes the socket's folder, and removes a socket that a dead server left. A living one is a `FailedPrecondition`. */
export const takeSocket = async (path: string): Promise<void> => {
  await mkdir(dirname(path), { recursive: true });
  if (await answers(path))
    throw new Fail('FailedPrecondition', `another program serves ${path}`, {
      hint: 'stop the other container runtime, or set [crio.api] listen to another path',
    });
  await rm(path, { force: true });
};

const answers = (path: string): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      else reject(new Fail('Internal', `cannot probe the socket ${path}`, { cause: error }));
    });
  });

// A unix socket needs write permission to connect: until `chmod`, the umask has kept everybody but root out.
const bind = (server: grpc.Server, path: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.bindAsync(`unix:${path}`, grpc.ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(new Fail('Internal', `cannot listen on ${path}`, { cause: error })),
    );
  });

const close = (server: grpc.Server, graceMs: number): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => server.forceShutdown(), graceMs);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });

const definitionOf = (service: DescService): grpc.ServiceDefinition =>
  Object.fromEntries(
    service.methods.map((method) => [
      method.localName,
      {
        path: `/${service.typeName}/${method.name}`,
        requestStream: false,
        responseStream: method.methodKind === 'server_streaming',
        requestDeserialize: (bytes: Buffer) => decode(method, bytes),
        requestSerialize: () => Buffer.alloc(0), // of the client's side; a server never calls it
        responseDeserialize: () => undefined, // likewise
        responseSerialize: (answer: Answer<DescMessage>) => encode(method, answer),
      },
    ]),
  );

/** What the client sent is not a request of that type. */
class Malformed {
  readonly fail: Fail;
  constructor(fail: Fail) {
    this.fail = fail;
  }
}

/** grpc-js would call bytes that are no message an internal error; they are the client's. */
const decode = (method: DescMethod, bytes: Buffer): MessageShape<DescMessage> | Malformed => {
  try {
    const request = fromBinary(method.input, bytes);
    requireKnownValues(method.input, request);
    return request;
  } catch (cause) {
    if (cause instanceof Fail) return new Malformed(cause);
    const why = cause instanceof Error ? cause.message : String(cause);
    return new Malformed(
      new Fail('InvalidArgument', `the request is not a ${method.input.name}: ${why}`, { cause }),
    );
  }
};

const encode = (method: DescMethod, answer: Answer<DescMessage>): Buffer => {
  const bytes =
    answer instanceof Encoded ? answer.bytes : toBinary(method.output, create(method.output, answer));
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
};

type UnaryHandler = (request: unknown, call: Call) => Promise<unknown>;
type StreamHandler = (request: unknown, call: Call) => AsyncIterable<unknown>;

const grpcHandlers = (
  service: DescService,
  handlers: Implementation['handlers'],
  log: Log,
): grpc.UntypedServiceImplementation =>
  Object.fromEntries(
    service.methods.map((method) => {
      const handler = handlers[method.localName];
      const named = log.with({ rpc: method.name });
      if (method.methodKind === 'server_streaming')
        return [
          method.localName,
          streamCall((handler ?? unimplementedStream(method)) as StreamHandler, named),
        ];
      return [method.localName, unaryCall((handler ?? unimplemented(method)) as UnaryHandler, named)];
    }),
  );

const refusal = (method: DescMethod): Fail =>
  new Fail('Unimplemented', `berthd does not implement ${method.name} yet`);

const unimplemented = (method: DescMethod): UnaryHandler => {
  return () => Promise.reject(refusal(method));
};

const unimplementedStream = (method: DescMethod): StreamHandler => {
  // biome-ignore lint/correctness/useYield: it refuses before there is anything to yield
  return async function* refuse() {
    throw refusal(method);
  };
};

const unaryCall =
  (handler: UnaryHandler, log: Log): grpc.handleUnaryCall<unknown, unknown> =>
  (call, callback) => {
    const began = performance.now();
    const { request } = call;
    const answering =
      request instanceof Malformed
        ? Promise.reject(request.fail)
        : handler(request, { signal: cancellation(call), log });
    answering.then(
      (answer) => {
        log.debug('answered', { ms: Math.round(performance.now() - began) });
        callback(null, answer);
      },
      (error: unknown) => callback(statusOf(error, log)),
    );
  };

const streamCall =
  (handler: StreamHandler, log: Log): grpc.handleServerStreamingCall<unknown, unknown> =>
  async (call) => {
    const signal = cancellation(call);
    const { request } = call;
    // The client may wait for it: from here on it follows what is streamed.
    call.sendMetadata(new grpc.Metadata());
    try {
      if (request instanceof Malformed) throw request.fail;
      for await (const answer of handler(request, { signal, log })) {
        if (signal.aborted) return;
        if (!call.write(answer)) await drained(call, signal);
      }
      call.end();
    } catch (error) {
      call.emit('error', statusOf(error, log));
    }
  };

const drained = (call: grpc.ServerWritableStream<unknown, unknown>, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const go = () => {
      call.off('drain', go);
      signal.removeEventListener('abort', go);
      resolve();
    };
    call.on('drain', go);
    signal.addEventListener('abort', go);
  });

/** grpc-js reports a deadline that passed and a client that went away as the same event. */
const cancellation = (
  call: grpc.ServerUnaryCall<unknown, unknown> | grpc.ServerWritableStream<unknown, unknown>,
) => {
  const controller = new AbortController();
  const abort = () => {
    const late = Date.now() >= Number(call.getDeadline());
    controller.abort(
      late
        ? new Fail('DeadlineExceeded', "the client's deadline passed")
        : new Fail('Cancelled', 'the client cancelled the call'),
    );
  };
  if (call.cancelled) abort();
  else call.once('cancelled', abort);
  return controller.signal;
};

const STATUS: Readonly<Record<FailCode, grpc.status>> = {
  InvalidArgument: grpc.status.INVALID_ARGUMENT,
  NotFound: grpc.status.NOT_FOUND,
  AlreadyExists: grpc.status.ALREADY_EXISTS,
  FailedPrecondition: grpc.status.FAILED_PRECONDITION,
  PermissionDenied: grpc.status.PERMISSION_DENIED,
  Unauthenticated: grpc.status.UNAUTHENTICATED,
  ResourceExhausted: grpc.status.RESOURCE_EXHAUSTED,
  DeadlineExceeded: grpc.status.DEADLINE_EXCEEDED,
  Cancelled: grpc.status.CANCELLED,
  Unimplemented: grpc.status.UNIMPLEMENTED,
  Unavailable: grpc.status.UNAVAILABLE,
  DataLoss: grpc.status.DATA_LOSS,
  Internal: grpc.status.INTERNAL,
};

/** Codes that tell of the caller's request, not of trouble on the node. */
const EXPECTED: ReadonlySet<FailCode> = new Set(['NotFound', 'Unimplemented', 'Cancelled']);

const statusOf = (error: unknown, log: Log): grpc.ServiceError => {
  const fail =
    error instanceof Fail
      ? error
      : new Fail('Internal', `unexpected error: ${String(error)}`, { cause: error });
  if (EXPECTED.has(fail.code)) log.debug('refused', { error: fail });
  else log.error('failed', { error: fail });
  const message = shortened(fail.message);
  const details = fail.hint === undefined ? message : `${message}; ${shortened(fail.hint)}`;
  return Object.assign(new Error(details), {
    code: STATUS[fail.code],
    details,
    metadata: new grpc.Metadata(),
  });
};

/** The text travels in an HTTP/2 header, percent-encoded: clients break off connections over headers of 64 KiB. */
const MOST_CHARACTERS = 2000;

/** Whole to all appearances: half a surrogate pair has no percent-encoding. */
const shortened = (text: string): string =>
  (text.length <= MOST_CHARACTERS
    ? text
    : `${text.slice(0, MOST_CHARACTERS)}… (${text.length} characters)`
  ).toWellFormed();
