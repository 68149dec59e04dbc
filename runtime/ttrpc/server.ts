import {
  create,
  type DescMessage,
  type DescMethod,
  fromBinary,
  type MessageInitShape,
  toBinary,
} from '@bufbuild/protobuf';
import { Fail } from '../core/fail.ts';
import type { Implementation } from '../core/service.ts';
import { RequestSchema, ResponseSchema } from '../spec/ttrpc/ttrpc/request_pb.js';
import type { Conduit } from './conduit.ts';
import { encodeFrame, type Frame, FrameFlag, FrameReader, FrameType } from './frames.ts';
import { statusOf } from './status.ts';

/** Calls of one client that are worked on at once; a client that sends more has them refused. */
const MOST_AT_ONCE = 64;

interface Verb {
  readonly method: DescMethod;
  readonly handler: (request: unknown) => Promise<MessageInitShape<DescMessage>>;
}

/**
 * Serves unary calls of one ttrpc connection until it closes. A client that does not speak the protocol is cut off;
 * what a call cannot be answered with is answered with a status.
 */
export const serve = (
  conduit: Conduit,
  implementations: readonly Implementation[],
  onClosed: () => void = () => {},
): void => {
  const verbs = verbsOf(implementations);
  const frames = new FrameReader();
  let working = 0;
  let lastId = 0;
  const begin = (frame: Frame): void => {
    requireRequest(frame, lastId);
    lastId = frame.streamId;
    if (working >= MOST_AT_ONCE) {
      const busy = new Fail('ResourceExhausted', `more than ${MOST_AT_ONCE} calls at once`);
      conduit.send(response(frame.streamId, { status: statusOf(busy) }));
      return;
    }
    working += 1;
    answer(verbs, frame).then((bytes) => {
      working -= 1;
      conduit.send(bytes);
    });
  };
  let closed = false;
  conduit.listen(
    (bytes) => {
      if (closed) return;
      frames.push(bytes);
      try {
        for (let frame = frames.next(); frame !== undefined; frame = frames.next()) begin(frame);
      } catch {
        closed = true;
        conduit.close();
      }
    },
    () => {
      closed = true;
      onClosed();
    },
  );
};

const verbsOf = (implementations: readonly Implementation[]): ReadonlyMap<string, Verb> =>
  new Map(
    implementations.flatMap(({ service, handlers }) =>
      service.methods.flatMap((method): (readonly [string, Verb])[] => {
        const handler = handlers[method.localName];
        const name = `${service.typeName}/${method.name}`;
        return typeof handler === 'function' ? [[name, { method, handler: handler as Verb['handler'] }]] : [];
      }),
    ),
  );

/** PROTOCOL.md: streams are the client's, so their ids are odd, and each is greater than those before. */
const requireRequest = ({ type, streamId, flags }: Frame, lastId: number): void => {
  if (type !== FrameType.request || (flags & FrameFlag.remoteOpen) !== 0)
    throw new Fail('InvalidArgument', 'only unary requests are served');
  if (streamId % 2 === 0 || streamId <= lastId)
    throw new Fail('InvalidArgument', `stream ${streamId} is not the next of a client`);
};

/** Never rejects. */
const answer = async (verbs: ReadonlyMap<string, Verb>, { streamId, payload }: Frame): Promise<Buffer> => {
  try {
    return response(streamId, { payload: await work(verbs, payload) });
  } catch (error) {
    return response(streamId, { status: statusOf(error) });
  }
};

const work = async (verbs: ReadonlyMap<string, Verb>, payload: Uint8Array): Promise<Uint8Array> => {
  const request = decoded(RequestSchema, payload);
  const name = `${request.service}/${request.method}`;
  const verb = verbs.get(name);
  if (verb === undefined) throw new Fail('Unimplemented', `there is no ${name}`);
  const { input, output } = verb.method;
  return toBinary(output, create(output, await verb.handler(decoded(input, request.payload))));
};

const decoded = <Schema extends DescMessage>(schema: Schema, bytes: Uint8Array) => {
  try {
    return fromBinary(schema, bytes);
  } catch (cause) {
    throw new Fail('InvalidArgument', `what came is no ${schema.typeName}`, { cause });
  }
};

const response = (streamId: number, content: MessageInitShape<typeof ResponseSchema>): Buffer =>
  encodeFrame({
    streamId,
    type: FrameType.response,
    flags: 0,
    payload: toBinary(ResponseSchema, create(ResponseSchema, content)),
  });
