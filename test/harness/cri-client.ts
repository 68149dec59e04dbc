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
import type { MethodShape } from '../../runtime/core/service.ts';

export interface CallOptions {
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
  /** Of a stream: it stands, and what comes on it while it lasts. */
  readonly onConnected?: () => void;
  readonly onMessage?: (message: unknown) => void;
}

/** The methods of a service as promises; streaming ones collect what comes. */
export type Client<Service> =
  Service extends GenService<infer Methods>
    ? {
        readonly [Name in keyof Methods]: (
          request?: MessageInitShape<MethodShape<Methods[Name]>['input']>,
          options?: CallOptions,
        ) => Promise<
          Methods[Name]['methodKind'] extends 'unary'
            ? MessageShape<MethodShape<Methods[Name]>['output']>
            : MessageShape<MethodShape<Methods[Name]>['output']>[]
        >;
      } & { close(): void }
    : never;

const MAX_MESSAGE_BYTES = 80 * 1024 * 1024;

/** A gRPC client of that service at a unix socket. Errors are grpc-js's, with `code` and `details`. */
export const connectTo = <Service extends DescService>(
  service: Service,
  socketPath: string,
): Client<Service> => {
  const channel = new grpc.Client(`unix:${socketPath}`, grpc.credentials.createInsecure(), {
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
  });
  const methods = service.methods.map((method) => [
    method.localName,
    (request: MessageInitShape<DescMessage> = {}, options: CallOptions = {}) =>
      call(channel, method, create(method.input, request), options),
  ]);
  return { ...Object.fromEntries(methods), close: () => channel.close() };
};

const call = (channel: grpc.Client, method: DescMethod, request: unknown, options: CallOptions) => {
  const path = `/${method.parent.typeName}/${method.name}`;
  const encode = (message: unknown) =>
    Buffer.from(toBinary(method.input, message as MessageShape<DescMessage>));
  const decode = (bytes: Buffer) => fromBinary(method.output, bytes);
  const metadata = new grpc.Metadata();
  const callOptions =
    options.deadlineMs === undefined ? {} : { deadline: new Date(Date.now() + options.deadlineMs) };
  return new Promise((resolve, reject) => {
    if (method.methodKind !== 'unary') {
      const stream = channel.makeServerStreamRequest(path, encode, decode, request, metadata, callOptions);
      const messages: unknown[] = [];
      stream.on('metadata', () => options.onConnected?.());
      stream.on('data', options.onMessage ?? ((message) => messages.push(message)));
      stream.on('end', () => resolve(messages));
      stream.on('error', reject);
      options.signal?.addEventListener('abort', () => stream.cancel());
      return;
    }
    const unary = channel.makeUnaryRequest(
      path,
      encode,
      decode,
      request,
      metadata,
      callOptions,
      (error, answer) => (error === null ? resolve(answer) : reject(error)),
    );
    options.signal?.addEventListener('abort', () => unary.cancel());
  });
};
