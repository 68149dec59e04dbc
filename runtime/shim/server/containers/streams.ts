import { chownSync, closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { makeFifo } from '../../../linux/nodes.ts';
import { hasErrno } from '../../../linux/system-call-failed.ts';
import type { LogStream } from '../log/format.ts';
import { emptyInput, emptyStreams } from '../processes/empty-streams.ts';

/** The shim's ends of a container's streams. A terminal has one output, relayed into the FIFO `stdout`. */
export interface StreamEnds {
  /** FIFOs, for reading; a read of 0 bytes means that no process of the container has its end any more. */
  readonly outputs: Readonly<Partial<Record<LogStream, number>>>;
  /** The FIFO `stdin`, for writing; undefined without stdin or with a terminal. */
  readonly stdin: number | undefined;
}

export interface StreamNeeds {
  readonly terminal: boolean;
  readonly stdin: boolean;
  /** Absent: root. */
  readonly streamsOwner?: { readonly uid: number; readonly gid: number };
  /** A shim of containerd's API opens the other ends, by name; terminals are its affair. */
  readonly task?: unknown;
}

const hasStdinFifo = ({ stdin, terminal, task }: StreamNeeds): boolean =>
  stdin && (!terminal || task !== undefined);

const outputsOf = ({ terminal }: StreamNeeds): readonly LogStream[] =>
  terminal ? ['stdout'] : ['stdout', 'stderr'];

export function makeFifos(folder: string, needs: StreamNeeds): void {
  const make = (name: string): void => {
    makeFifo(join(folder, name));
    const { uid, gid } = needs.streamsOwner ?? {};
    if (uid !== undefined && gid !== undefined) chownSync(join(folder, name), uid, gid);
  };
  for (const stream of outputsOf(needs)) make(stream);
  if (hasStdinFifo(needs)) make('stdin');
}

/** Gathers the shim's ends, each from `open`. */
export function openEnds(
  needs: StreamNeeds,
  open: (stream: LogStream | 'stdin') => number | undefined,
): StreamEnds {
  const outputs: Partial<Record<LogStream, number>> = {};
  for (const stream of outputsOf(needs)) {
    const fd = open(stream);
    if (fd !== undefined) outputs[stream] = fd;
  }
  return { outputs, stdin: hasStdinFifo(needs) ? open('stdin') : undefined };
}

/**
 * Opens the shim's end of a FIFO. In a new container nobody else has them yet: opening without waiting makes that no
 * matter for readers, and for the writer `openInherited` has opened the other end first.
 */
export const openEnd = (
  folder: string,
  stream: LogStream | 'stdin',
  { task }: Pick<StreamNeeds, 'task'> = {},
): number | undefined => {
  if (stream !== 'stdin') return openFifo(folder, stream, constants.O_RDONLY);
  // A shim opens its end later, and keeps it until it is told to let go.
  return task === undefined ? openStdinWriter(folder) : openFifo(folder, stream, constants.O_RDWR);
};

/** Undefined when the container that read it is gone (ENXIO). */
function openStdinWriter(folder: string): number | undefined {
  try {
    return openFifo(folder, 'stdin', constants.O_WRONLY);
  } catch (error) {
    if (hasErrno(error, 'ENXIO')) return undefined;
    throw error;
  }
}

const openFifo = (folder: string, name: string, access: number): number =>
  openSync(join(folder, name), access | constants.O_NONBLOCK);

/**
 * The container's ends, for the runtime to inherit: outputs read-write, so that a container is its own reader and
 * never gets SIGPIPE while the shim is away; stdin read-only, so that it can end. They block, as a program expects.
 */
export function openInherited(folder: string, needs: StreamNeeds): readonly (number | 'ignore')[] {
  if (needs.terminal) return emptyStreams();
  return [
    needs.stdin ? openStdin(folder) : emptyInput(),
    openSync(join(folder, 'stdout'), constants.O_RDWR),
    openSync(join(folder, 'stderr'), constants.O_RDWR),
  ];
}

/** Opening a FIFO for reading alone waits for a writer, so there is one for a moment. */
function openStdin(folder: string): number {
  const path = join(folder, 'stdin');
  const both = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  try {
    return openSync(path, constants.O_RDONLY);
  } finally {
    closeSync(both);
  }
}

export function closeAll(fds: readonly (number | 'ignore' | undefined)[]): void {
  for (const fd of fds) if (typeof fd === 'number') closeSync(fd);
}
