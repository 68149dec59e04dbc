import { Fail } from '../core/fail.ts';
import { elfFile, Machine, type Program } from '../linux/elf.ts';

/**
 * The first process of a PID namespace that a pod's containers share, as a static ELF program of a few bytes: it
 * ignores SIGCHLD, so that the kernel reaps the orphans it inherits (sigaction(2)), and then sleeps for ever. As
 * the first process of its namespace no signal from inside can end it.
 * Written out here since a node needs it offline, and no image or compiler should be needed for 200 bytes.
 */
export const pauseProgram = (architecture: string): Buffer => {
  const program = PROGRAMS[architecture];
  if (program !== undefined) return elfFile({ ...program, data: ignoreAction() });
  throw new Fail('Unimplemented', `berthd has no pause program for ${architecture} yet`, {
    hint: 'give the pod a PID namespace per container: namespace_options.pid CONTAINER',
  });
};

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
  x64: { machine: Machine.x64, code: x64 },
  arm64: { machine: Machine.arm64, code: arm64 },
};

/** The kernel's struct sigaction with SIG_IGN: handler, flags, restorer, mask. */
const ignoreAction = (): Buffer => {
  const action = Buffer.alloc(32);
  action.writeBigUInt64LE(1n);
  return action;
};
