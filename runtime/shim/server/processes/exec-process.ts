import type { WaitStatus } from '../../../linux/processes.ts';
import type { OciProcess } from '../../../spec/oci/runtime.ts';

export interface ExecRequest {
  readonly process: OciProcess;
  readonly stdin: boolean;
  /** Folder for console sockets. */
  readonly consoles: string;
  /** For the runtime to start the process. */
  readonly timeoutMs: number;
}

/** A process in a container. Its descriptors belong to whoever started it. */
export interface ExecProcess {
  readonly stdin: number | undefined;
  /** With a terminal its master, which takes `setTerminalSize` and input too. */
  readonly stdout: number;
  /** Undefined with a terminal. */
  readonly stderr: number | undefined;
  /** Undefined: nobody can tell how it ended. The process has been reaped. */
  readonly exited: Promise<WaitStatus | undefined>;
  /** SIGKILL for the process and its group; nothing when it has ended. */
  kill(): void;
  /** Where a terminal is not ours to resize. */
  readonly resize?: (size: { width: number; height: number }) => void;
  /** Where the end of the input has to be said, once it has been written. */
  readonly closeInput?: () => void;
}
