import { memory, systemCall } from './ffi.ts';

const clock_gettime = systemCall('clock_gettime', ['int', 'void *']);
const timespec = memory(16);

/** Nanoseconds since the epoch, of the real clock at its own resolution (Date has milliseconds only). */
export function realtimeNs(): bigint {
  const CLOCK_REALTIME = 0;
  clock_gettime(CLOCK_REALTIME, timespec);
  return timespec.readBigInt64LE(0) * 1_000_000_000n + timespec.readBigInt64LE(8);
}
