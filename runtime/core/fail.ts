/** Every failure of the runtime that a caller may meet has one of these codes; the CRI room maps them to gRPC statuses. */
export type FailCode =
  | 'InvalidArgument'
  | 'NotFound'
  | 'AlreadyExists'
  | 'FailedPrecondition'
  | 'PermissionDenied'
  | 'Unauthenticated'
  | 'ResourceExhausted'
  | 'DeadlineExceeded'
  | 'Cancelled'
  | 'Unimplemented'
  | 'Unavailable'
  | 'DataLoss'
  | 'Internal';

export interface FailDetails {
  /** What the reader can do about it. */
  readonly hint?: string;
  /** Facts for the log: ids, paths, output of commands. */
  readonly context?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** The one error of the runtime: what failed, where, and the remedy. */
export class Fail extends Error {
  override readonly name = 'Fail';
  readonly code: FailCode;
  readonly hint: string | undefined;
  readonly context: Readonly<Record<string, unknown>>;

  constructor(code: FailCode, message: string, details: FailDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
    this.context = details.context ?? {};
  }
}

/** True when `error` is a Fail with that code. */
export const failedWith = (error: unknown, code: FailCode): error is Fail =>
  error instanceof Fail && error.code === code;
