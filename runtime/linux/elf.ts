/** The instructions of a program without libraries, and what it reads beside them. */
export interface Program {
  /** e_machine of elf(5). */
  readonly machine: number;
  /** Instructions; `data` follows at once. */
  readonly code: Buffer;
  readonly data?: Buffer;
}

const HEADER_BYTES = 64;
const SEGMENT_BYTES = 56;
const LOAD_ADDRESS = 0x400000n;

/** A static executable of one segment that is the whole file: header, segment table, code, data. */
export const elfFile = ({ machine, code, data = Buffer.alloc(0) }: Program): Buffer => {
  const entry = HEADER_BYTES + SEGMENT_BYTES;
  const file = Buffer.concat([Buffer.alloc(entry), code, data]);
  file.write('\x7fELF', 'latin1');
  file.set([2, 1, 1], 4); // 64 bits, little endian, version 1
  file.writeUInt16LE(2, 16); // an executable
  file.writeUInt16LE(machine, 18);
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(LOAD_ADDRESS + BigInt(entry), 24);
  file.writeBigUInt64LE(BigInt(HEADER_BYTES), 32); // where the segment table is
  file.writeUInt16LE(HEADER_BYTES, 52);
  file.writeUInt16LE(SEGMENT_BYTES, 54);
  file.writeUInt16LE(1, 56); // one segment
  file.writeUInt32LE(1, HEADER_BYTES); // to be loaded
  file.writeUInt32LE(5, HEADER_BYTES + 4); // readable, executable
  file.writeBigUInt64LE(LOAD_ADDRESS, HEADER_BYTES + 16);
  file.writeBigUInt64LE(LOAD_ADDRESS, HEADER_BYTES + 24);
  file.writeBigUInt64LE(BigInt(file.length), HEADER_BYTES + 32);
  file.writeBigUInt64LE(BigInt(file.length), HEADER_BYTES + 40);
  file.writeBigUInt64LE(0x1000n, HEADER_BYTES + 48);
  return file;
};

/** e_machine of the architectures that programs are written for. */
export const Machine = { x64: 62, arm64: 183 } as const;
