import type { DescService, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import type { GenService } from '@bufbuild/protobuf/codegenv2';
import type { Implementation, MethodShape } from '../core/service.ts';

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
          request: MessageInitShape<MethodShape<All[Name]>['input']>,
          options: CallOptions,
        ) => Promise<MessageShape<MethodShape<All[Name]>['output']>>;
      }
    : never;

/** The methods of a service as a server has them; those left out answer `Unimplemented`. */
export type Handlers<Service> =
  Service extends GenService<infer All>
    ? {
        readonly [Name in keyof All]?: (
          request: MessageShape<MethodShape<All[Name]>['input']>,
        ) => Promise<MessageInitShape<MethodShape<All[Name]>['output']>>;
      }
    : never;

export const implement = <Service extends DescService>(
  service: Service,
  handlers: Handlers<Service>,
): Implementation => ({ service, handlers: handlers as Implementation['handlers'] });
