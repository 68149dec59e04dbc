import { systemCall } from './ffi.ts';

const eventfd = systemCall('eventfd', ['uint', 'int']);

/** A counter that the kernel adds to and that is readable when it is not 0. Does not block; closed on exec. */
export function makeEventfd(): number {
  const EFD_CLOEXEC_NONBLOCK = 0o2004000;
  return eventfd(0, EFD_CLOEXEC_NONBLOCK);
}
