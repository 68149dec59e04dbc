import type { DescMessage, DescService, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import type { GenService } from '@bufbuild/protobuf/codegenv2';

type Shape<Method> = Method extends {
  input: infer In extends DescMessage;
  output: infer Out extends DescMessage;
}
  ? { input: In; output: Out }
  : never;

export interface CallOptions {
  /** The peer is told, and the call fails `DeadlineExceeded` when it is over. */
  readonly timeoutMs: number;
  /** Aborted, the call fails `Cancelled`; the peer goes on until its time is over. */
  readonly signal?: AbortSignal;
}

/** The methods of a service as a client calls them. Only unary ones: ttrpc's streams carry nothing that we need. */
export type Methods<Service> =
  Service extends GenService<infer All>
    ? {
        readonly [Name in keyof All]: (
          request: MessageInitShape<Shape<All[Name]>['input']>,
          options: CallOptions,
        ) => Promise<MessageShape<Shape<All[Name]>['output']>>;
      }
    : never;

/** The methods of a service as a server has them; those left out answer `Unimplemented`. */
export type Handlers<Service> =
  Service extends GenService<infer All>
    ? {
        readonly [Name in keyof All]?: (
          request: MessageShape<Shape<All[Name]>['input']>,
        ) => Promise<MessageInitShape<Shape<All[Name]>['output']>>;
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
