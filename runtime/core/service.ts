import type { DescMessage, DescService } from '@bufbuild/protobuf';

/** The messages of a method, as the generated description of its service has it. */
export type MethodShape<Method> = Method extends {
  input: infer In extends DescMessage;
  output: infer Out extends DescMessage;
}
  ? { input: In; output: Out }
  : never;

/** A service with its handlers, as a server of gRPC or ttrpc takes it; `implement` of each sees to their types. */
export interface Implementation {
  readonly service: DescService;
  readonly handlers: Readonly<Record<string, unknown>>;
}
