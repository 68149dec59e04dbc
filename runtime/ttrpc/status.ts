import { Fail, type FailCode } from '../core/fail.ts';
import { statusNumber } from '../core/status-number.ts';

/** The codes of google.rpc.Code that have no name of ours: what is nearest. */
const BY_NUMBER: Readonly<Record<number, FailCode>> = {
  1: 'Cancelled',
  2: 'Internal',
  3: 'InvalidArgument',
  4: 'DeadlineExceeded',
  5: 'NotFound',
  6: 'AlreadyExists',
  7: 'PermissionDenied',
  8: 'ResourceExhausted',
  9: 'FailedPrecondition',
  10: 'FailedPrecondition',
  11: 'InvalidArgument',
  12: 'Unimplemented',
  13: 'Internal',
  14: 'Unavailable',
  15: 'DataLoss',
  16: 'Unauthenticated',
};

/** What a peer says of its failure as ours. */
export const failOf = (code: number, message: string): Fail =>
  new Fail(BY_NUMBER[code] ?? 'Internal', message === '' ? `the peer failed with code ${code}` : message);

/** A failure as the peer hears it. One that is no Fail is a defect of ours. */
export const statusOf = (error: unknown): { readonly code: number; readonly message: string } => {
  if (error instanceof Fail) return { code: statusNumber[error.code], message: error.message };
  return { code: statusNumber.Internal, message: error instanceof Error ? error.message : String(error) };
};
