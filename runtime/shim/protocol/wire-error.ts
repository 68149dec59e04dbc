import { Fail, type FailCode } from '../../core/fail.ts';
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

/** An error as it travels; one that is no Fail is a defect of the sender, so `Internal`. */
export function toWireError(error: unknown): WireError {
  if (!(error instanceof Fail)) {
    return { code: 'Internal', message: error instanceof Error ? error.message : String(error) };
  }
  return {
    code: error.code,
    message: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    context: { ...error.context },
  };
}

/** The Fail again, on the other side. */
export function fromWireError(error: WireError): Fail {
  return new Fail(isFailCode(error.code) ? error.code : 'Internal', error.message, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.context === undefined ? {} : { context: error.context }),
  });
}
