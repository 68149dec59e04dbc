import { callNumbers, cString, numberedCall, systemCall } from './ffi.ts';

const mkfifo = systemCall('mkfifo', ['str', 'uint']);
const mknodat = numberedCall('mknodat', callNumbers.mknodat);

export type NodeType = 'block' | 'character' | 'fifo';

/** S_IF* of stat.h. */
const typeBits: Readonly<Record<NodeType, number>> = { block: 0o060000, character: 0o020000, fifo: 0o010000 };

export interface NodeRequest {
  readonly path: string;
  readonly type: NodeType;
  /** Permission bits; the process's umask applies. */
  readonly mode: number;
  readonly major?: number;
  readonly minor?: number;
}

/** mknod(2): a device file or a FIFO. An overlay's whiteout is a character device 0:0. */
export function makeNode({ path, type, mode, major = 0, minor = 0 }: NodeRequest): void {
  const name = cString(path);
  const AT_FDCWD = -100;
  mknodat(AT_FDCWD, name, typeBits[type] | mode, deviceNumber(major, minor));
}

/** A FIFO; throws EEXIST when there is one. */
export function makeFifo(path: string, mode = 0o600): void {
  mkfifo(path, mode);
}

/** The kernel's 32-bit encoding (new_encode_dev): 12 bits of major around 20 bits of minor. */
const deviceNumber = (major: number, minor: number): number =>
  ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
