import { Fail, type FailCode } from '../../core/fail.ts';
import { asFail } from '../../linux/as-fail.ts';
import type { WireError } from './messages.ts';

const codes: Readonly<Record<FailCode, true>> = {
  InvalidArgument: true,
  NotFound: true,
  AlreadyExists: true,
  FailedPrecondition: true,
  PermissionDenied: true,
  Unauthenticated: true,
  ResourceExhausted: true,
  DeadlineExceeded: true,
  Cancelled: true,
  Unimplemented: true,
  Unavailable: true,
  DataLoss: true,
  Internal: true,
};

const isFailCode = (code: string): code is FailCode => Object.hasOwn(codes, code);

/** An error as it travels. */
export function toWireError(error: unknown): WireError {
  const { code, message, hint, context } = asFail(error);
  return { code, message, ...(hint === undefined ? {} : { hint }), context: { ...context } };
}

/** The Fail again, on the other side. */
export function fromWireError(error: WireError): Fail {
  return new Fail(isFailCode(error.code) ? error.code : 'Internal', error.message, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.context === undefined ? {} : { context: error.context }),
  });
}
