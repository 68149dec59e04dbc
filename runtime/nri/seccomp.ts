import type { MessageInitShape } from '@bufbuild/protobuf';
import { Fail } from '../core/fail.ts';
import type { OciLinux } from '../spec/oci/runtime.ts';
import type { LinuxSeccomp, LinuxSeccompSchema } from '../spec/ttrpc/nri/api_pb.js';

/** A plugin's policy as config.json has it. */
export const ociSeccomp = (policy: LinuxSeccomp): NonNullable<OciLinux['seccomp']> => ({
  defaultAction: policy.defaultAction,
  ...(policy.defaultErrno === undefined ? {} : { defaultErrnoRet: policy.defaultErrno.value }),
  architectures: policy.architectures,
  flags: policy.flags,
  ...(policy.listenerPath === '' ? {} : { listenerPath: policy.listenerPath }),
  ...(policy.listenerMetadata === '' ? {} : { listenerMetadata: policy.listenerMetadata }),
  syscalls: policy.syscalls.map(({ names, action, errnoRet, args }) => ({
    names,
    action,
    ...(errnoRet === undefined ? {} : { errnoRet: errnoRet.value }),
    args: args.map(({ index, value, valueTwo, op }) => ({
      index,
      value: argument(value),
      valueTwo: argument(valueTwo),
      op,
    })),
  })),
});

/** A number that JSON cannot carry unchanged would be compared with another. */
const argument = (value: bigint): number => {
  if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
  throw new Fail('InvalidArgument', `seccomp policy of an NRI plugin: the argument ${value} is too large`);
};

interface Syscall {
  readonly names: string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly {
    readonly index: number;
    readonly value: number;
    readonly valueTwo?: number;
    readonly op: string;
  }[];
}

interface Policy {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: string[];
  readonly flags?: string[];
  readonly syscalls?: readonly Syscall[];
}

/** A policy in config.json, which our own room wrote, as plugins are shown it. */
export const seccompView = (
  seccomp: NonNullable<OciLinux['seccomp']>,
): MessageInitShape<typeof LinuxSeccompSchema> => {
  const policy = seccomp as unknown as Policy;
  return {
    defaultAction: policy.defaultAction,
    ...errno('defaultErrno', policy.defaultErrnoRet),
    architectures: policy.architectures ?? [],
    flags: policy.flags ?? [],
    syscalls: (policy.syscalls ?? []).map(({ names, action, errnoRet, args = [] }) => ({
      names,
      action,
      ...errno('errnoRet', errnoRet),
      args: args.map(({ index, value, valueTwo = 0, op }) => ({
        index,
        value: BigInt(value),
        valueTwo: BigInt(valueTwo),
        op,
      })),
    })),
  };
};

const errno = <K extends string>(name: K, value: number | undefined) =>
  value === undefined ? {} : ({ [name]: { value } } as { [key in K]: { value: number } });
