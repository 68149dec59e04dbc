import { Fail } from '../core/fail.ts';
import { elfFile, Machine, type Program } from './elf.ts';

/**
 * A program that takes namespaces of its own (`flags`: CLONE_NEW* of sched.h), writes one byte to its output, and
 * ends when its input does: for as long as the byte is awaited and the input open, /proc/PID/ns has them. When the
 * kernel refuses, the exit code is the errno.
 * A process with more than one thread cannot enter or make a user namespace (unshare(2)), so that this has to be
 * a process of its own, and a node must not depend on a tool for it.
 */
export const namespaceProgram = (architecture: string, flags: number): Buffer => {
  const program = PROGRAMS[architecture];
  if (program !== undefined) return elfFile(program(flags));
  throw new Fail('Unimplemented', `there is no program for user namespaces on ${architecture} yet`, {
    hint: 'let the pod use the host’s users: hostUsers true',
  });
};

const x64 = (flags: number): Buffer => {
  const immediate = Buffer.alloc(4);
  immediate.writeUInt32LE(flags);
  return Buffer.from(
    [
      `bf${immediate.toString('hex')}`, // mov  edi, flags
      'b810010000', //     mov   eax, 272           unshare
      '0f05', //           syscall
      '85c0', //           test  eax, eax
      '752b', //           jnz   the end with the errno
      'b801000000', //     mov   eax, 1             write
      '89c7', //           mov   edi, eax           to the output
      '488d35f2ffffff', // lea   rsi, [rip - 14]    whatever is here
      '89c2', //           mov   edx, eax           one byte
      '0f05', //           syscall
      '31c0', //           xor   eax, eax           read
      '31ff', //           xor   edi, edi           from the input
      '488d7424c0', //     lea   rsi, [rsp - 64]
      'ba01000000', //     mov   edx, 1
      '0f05', //           syscall
      '31ff', //           xor   edi, edi
      'b83c000000', //     mov   eax, 60            exit
      '0f05', //           syscall
      'f7d8', //           neg   eax
      '89c7', //           mov   edi, eax
      'b83c000000', //     mov   eax, 60            exit
      '0f05', //           syscall
    ].join(''),
    'hex',
  );
};

/** All CLONE_NEW* but CLONE_NEWTIME are in the upper half of their word. */
const arm64 = (flags: number): Buffer =>
  Buffer.from(
    Uint32Array.of(
      0xd2a00000 | ((flags >>> 16) << 5), // movz x0, #flags, lsl #16
      0xd2800c28, // mov  x8, #97      unshare
      0xd4000001, // svc  #0
      0xb50001c0, // cbnz x0, +56      the end with the errno
      0xd2800020, // mov  x0, #1       to the output
      0x10000001, // adr  x1, +0       whatever is here
      0xd2800022, // mov  x2, #1       one byte
      0xd2800808, // mov  x8, #64      write
      0xd4000001, // svc  #0
      0xd2800000, // mov  x0, #0       from the input
      0xd10103e1, // sub  x1, sp, #64
      0xd2800022, // mov  x2, #1
      0xd28007e8, // mov  x8, #63      read
      0xd4000001, // svc  #0
      0xd2800000, // mov  x0, #0
      0xd2800ba8, // mov  x8, #93      exit
      0xd4000001, // svc  #0
      0xcb0003e0, // neg  x0, x0
      0xd2800ba8, // mov  x8, #93      exit
      0xd4000001, // svc  #0
    ).buffer,
  );

const PROGRAMS: Readonly<Record<string, (flags: number) => Program>> = {
  x64: (flags) => ({ machine: Machine.x64, code: x64(flags) }),
  arm64: (flags) => ({ machine: Machine.arm64, code: arm64(flags) }),
};
