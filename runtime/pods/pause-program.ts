import { Fail } from '../core/fail.ts';

/**
 * The first process of a PID namespace that a pod's containers share, as a static ELF program of a few bytes: it
 * ignores SIGCHLD, so that the kernel reaps the orphans it inherits (sigaction(2)), and then sleeps for ever. As
 * the first process of its namespace no signal from inside can end it.
 * Written out here since a node needs it offline, and no image or compiler should be needed for 200 bytes.
 */
export const pauseProgram = (architecture: string): Buffer => {
  const program = PROGRAMS[architecture];
  if (program !== undefined) return elf(program);
  throw new Fail('Unimplemented', `berthd has no pause program for ${architecture} yet`, {
    hint: 'give the pod a PID namespace per container: namespace_options.pid CONTAINER',
  });
};

interface Program {
  /** e_machine of elf(5). */
  readonly machine: number;
  /** Instructions; `struct sigaction` follows at once. */
  readonly code: Buffer;
}

const x64 = Buffer.from(
  [
    'b80d000000', //     mov   eax, 13            rt_sigaction
    'bf11000000', //     mov   edi, 17            SIGCHLD
    '488d3513000000', // lea   rsi, [rip + 19]    the structure below
    '31d2', //           xor   edx, edx           no old action
    '41ba08000000', //   mov   r10d, 8            size of the mask
    '0f05', //           syscall
    'b822000000', //     mov   eax, 34            pause
    '0f05', //           syscall
    'ebf7', //           jmp   back to `mov eax, 34`
  ].join(''),
  'hex',
);

const arm64 = Buffer.from(
  Uint32Array.of(
    0xd28010c8, // mov  x8, #134     rt_sigaction
    0xd2800220, // mov  x0, #17      SIGCHLD
    0x10000161, // adr  x1, +44      the structure below
    0xd2800002, // mov  x2, #0       no old action
    0xd2800103, // mov  x3, #8       size of the mask
    0xd4000001, // svc  #0
    0xd2800928, // mov  x8, #73      ppoll: nothing, for ever
    0xd2800000, // mov  x0, #0
    0xd2800001, // mov  x1, #0
    0xd2800002, // mov  x2, #0
    0xd2800003, // mov  x3, #0
    0xd4000001, // svc  #0
    0x17fffffa, // b    back to `mov x8, #73`
  ).buffer,
);

const PROGRAMS: Readonly<Record<string, Program>> = {
  x64: { machine: 62, code: x64 },
  arm64: { machine: 183, code: arm64 },
};

const HEADER_BYTES = 64;
const SEGMENT_BYTES = 56;
const LOAD_ADDRESS = 0x400000n;

/** An executable of one segment that is the whole file: header, segment table, code, data. */
const elf = ({ machine, code }: Program): Buffer => {
  const entry = HEADER_BYTES + SEGMENT_BYTES;
  const file = Buffer.concat([Buffer.alloc(entry), code, ignoreAction()]);
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

/** The kernel's struct sigaction with SIG_IGN: handler, flags, restorer, mask. */
const ignoreAction = (): Buffer => {
  const action = Buffer.alloc(32);
  action.writeBigUInt64LE(1n);
  return action;
};
