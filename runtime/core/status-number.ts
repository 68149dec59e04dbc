import type { FailCode } from './fail.ts';

/** Numbers of status codes, the same in gRPC ("Status codes and their use in gRPC") and in ttrpc (google.rpc.Code). */
export const statusNumber: Readonly<Record<FailCode, number>> = {
  Cancelled: 1,
  InvalidArgument: 3,
  DeadlineExceeded: 4,
  NotFound: 5,
  AlreadyExists: 6,
  PermissionDenied: 7,
  ResourceExhausted: 8,
  FailedPrecondition: 9,
  Unimplemented: 12,
  Internal: 13,
  Unavailable: 14,
  DataLoss: 15,
  Unauthenticated: 16,
};
