import { closeSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { Fail } from '../../../core/fail.ts';
import { makePipe } from '../../../linux/fds.ts';
import { memoryProgram } from '../../../linux/memory-file.ts';
import { pinNamespacesOf, userNamespaceProgram } from '../../../linux/namespaces.ts';
import type { OciIdMapping } from '../../../spec/oci/runtime.ts';
import type { Methods } from '../../protocol/messages.ts';
import { bareEnvironment, type Child, killGroup, startChild } from './children.ts';
import { FdReadable } from './fd-streams.ts';

type Params = Methods['pinUserNamespace']['params'];

/**
 * Pins a user namespace and others that belong to it. They are made by a process that waits in them for as long as
 * we write its mappings and bind its namespaces, and ends when we do: it holds the reading end of a pipe of ours.
 * Throws `FailedPrecondition` when the kernel refuses one.
 */
export async function pinUserNamespace(params: Params): Promise<void> {
  const program = memoryProgram('namespaces', userNamespaceProgram(params.kinds));
  const [input, output] = [makePipe(), makePipe()];
  const said = new FdReadable(output.read);
  try {
    const child = startProgram(program, input.read, output.write);
    try {
      await inPlace(child, said);
      writeMappings(child.pid, params);
      pinNamespacesOf(child.pid, params.dir, ['user', ...params.kinds]);
    } finally {
      killGroup(child.pid);
      await child.exited;
    }
  } finally {
    said.destroy();
    closeSync(input.read);
    closeSync(input.write);
    closeSync(program);
  }
}

function startProgram(program: number, input: number, output: number): Child {
  try {
    return startChild({
      argv: [`/proc/self/fd/${program}`],
      env: bareEnvironment,
      stdio: [input, output, 'ignore'],
    });
  } finally {
    closeSync(output);
  }
}

/** The process has its namespaces when it writes its one byte. One that ends without has met the kernel's refusal. */
async function inPlace(child: Child, output: FdReadable): Promise<void> {
  for await (const _ of output) return;
  const errno = (await child.exited)?.exitCode;
  const [name = `errno ${errno}`] =
    Object.entries(constants.errno).find(([, number]) => number === errno) ?? [];
  throw new Fail('FailedPrecondition', `the kernel makes no user namespace: ${name}`, {
    hint: 'look at the limits: sysctl user.max_user_namespaces user.max_net_namespaces',
  });
}

/** user_namespaces(7): each file takes one write, with all the lines. */
function writeMappings(pid: number, { uidMappings, gidMappings }: Params): void {
  writeFileSync(`/proc/${pid}/uid_map`, linesOf(uidMappings));
  writeFileSync(`/proc/${pid}/gid_map`, linesOf(gidMappings));
}

const linesOf = (mappings: readonly OciIdMapping[]): string =>
  mappings.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join('');
