import { chmod } from 'node:fs/promises';
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
import { Fail, type FailCode } from '../core/fail.ts';
import type { Implementation, MethodShape } from '../core/service.ts';
import { CRI_SOCKET_HINT, takeSocket } from '../core/take-socket.ts';
import { asFail } from '../linux/as-fail.ts';
import type { Log } from '../observe/log.ts';
import type { Method } from './grpc/call.ts';
import { type GrpcServer, listenForCalls } from './grpc/server.ts';
import { requireKnownValues } from './known-values.ts';
import { subjectOf } from './subject.ts';

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

type Answer<Out extends DescMessage> = MessageInitShape<Out> | Encoded;

/** One service's handlers; those left out answer UNIMPLEMENTED. Unary ones return, streaming ones yield. */
export type Handlers<Service> =
  Service extends GenService<infer Methods>
    ? {
        readonly [Name in keyof Methods]?: (
          request: MessageShape<MethodShape<Methods[Name]>['input']>,
          call: Call,
        ) => Methods[Name]['methodKind'] extends 'unary'
          ? Promise<Answer<MethodShape<Methods[Name]>['output']>>
          : AsyncIterable<Answer<MethodShape<Methods[Name]>['output']>>;
      }
    : never;

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

/** Serves the services on the socket. */
export const serve = async ({
  listen,
  maxMessageBytes,
  implementations,
  log,
}: ServeOptions): Promise<GrpcServer> => {
  const methods = new Map(implementations.flatMap((each) => methodsOf(each, log)));
  await takeSocket(listen, CRI_SOCKET_HINT);
  // A unix socket needs write permission to connect: until `chmod`, the umask has kept everybody but root out.
  const server = await listenForCalls(listen, { methods, maxMessageBytes });
  await chmod(listen, 0o660);
  return server;
};

const methodsOf = ({ service, handlers }: Implementation, log: Log): (readonly [string, Method])[] =>
  service.methods.map((method) => {
    const named = log.with({ rpc: method.name });
    const handler = handlers[method.localName];
    return [`/${service.typeName}/${method.name}`, methodOf(method, handler, named)];
  });

type UnaryHandler = (request: unknown, call: Call) => Promise<Answer<DescMessage>>;
type StreamHandler = (request: unknown, call: Call) => AsyncIterable<Answer<DescMessage>>;

const methodOf = (method: DescMethod, handler: unknown, log: Log): Method =>
  method.methodKind === 'server_streaming'
    ? streaming(method, handler as StreamHandler | undefined, log)
    : unary(method, handler as UnaryHandler | undefined, log);

const unary = (method: DescMethod, handler: UnaryHandler | undefined, log: Log): Method => ({
  kind: 'unary',
  answer: async (bytes, signal) => {
    const began = performance.now();
    let request: unknown;
    try {
      request = decode(method, bytes);
      if (handler === undefined) throw unimplemented(method);
      const answer = encode(method, await handler(request, { signal, log }));
      log.debug('answered', { ms: Math.round(performance.now() - began) });
      return answer;
    } catch (error) {
      throw told(error, log, request);
    }
  },
});

const streaming = (method: DescMethod, handler: StreamHandler | undefined, log: Log): Method => ({
  kind: 'server_streaming',
  answer: async function* (bytes, signal) {
    try {
      const request = decode(method, bytes);
      if (handler === undefined) throw unimplemented(method);
      for await (const answer of handler(request, { signal, log })) yield encode(method, answer);
    } catch (error) {
      throw told(error, log);
    }
  },
});

const unimplemented = (method: DescMethod): Fail =>
  new Fail('Unimplemented', `berthd does not implement ${method.name} yet`);

/** Fails `InvalidArgument` for bytes that are no request of that type. */
const decode = (method: DescMethod, bytes: Buffer): MessageShape<DescMessage> => {
  const request = parsed(method, bytes);
  requireKnownValues(method.input, request);
  return request;
};

const parsed = (method: DescMethod, bytes: Buffer): MessageShape<DescMessage> => {
  try {
    return fromBinary(method.input, bytes);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Fail('InvalidArgument', `the request is not a ${method.input.name}: ${why}`, { cause });
  }
};

const encode = (method: DescMethod, answer: Answer<DescMessage>): Uint8Array =>
  answer instanceof Encoded ? answer.bytes : toBinary(method.output, create(method.output, answer));

/** Codes that tell of the caller's request or patience; all others are trouble on the node, and errors. */
const OF_THE_CALLER: Readonly<Partial<Record<FailCode, 'debug' | 'info'>>> = {
  NotFound: 'debug',
  Unimplemented: 'debug',
  Cancelled: 'debug',
  InvalidArgument: 'info',
  AlreadyExists: 'info',
  DeadlineExceeded: 'info',
};

/** The failure as the client gets it, told in the log. */
const told = (error: unknown, log: Log, request?: unknown): Fail => {
  const fail = asFail(error);
  const fields = { ...subjectOf(request), error: fail };
  const level = OF_THE_CALLER[fail.code];
  if (level === undefined) log.error('failed', fields);
  else log[level]('refused', fields);
  return fail;
};
