import type { OciIdMapping, OciProcess, OciResources } from '../../spec/oci/runtime.ts';

/**
 * What berthd and berth-shim say to each other on /run/berth/shim.sock (mode 0600).
 *
 * Control connection: frames of a u32 big-endian length and that many bytes of UTF-8 JSON.
 *   request  { id, method, params }        berthd → shim
 *   answer   { id, result } | { id, error: WireError }
 *   event    { event, params }             shim → berthd, after `subscribe`
 * Session connection: the first frame is { session: token }; from then on stream frames of
 *   a one-byte tag (SessionTag), a u32 big-endian length and the payload.
 *
 * Both sides ignore fields they do not know and answer `Unimplemented` to methods they do not know,
 * so an old shim and a new daemon understand each other.
 */
export const PROTOCOL_VERSION = 1;

/** Largest control frame either side accepts: an ExecSync answer of 16 MiB in base64, and room. */
export const MAX_FRAME_BYTES = 48 * 1024 * 1024;

export interface Methods {
  hello: {
    params: { version: number; client: string };
    result: { version: number; pid: number; release: string };
  };

  /**
   * Events follow on this connection. First come the exits of all containers that ended and were not deleted:
   * nobody can know which of them an earlier daemon had acted on, so an exit may come more than once.
   */
  subscribe: { params: Record<string, never>; result: Record<string, never> };

  /** Runs a helper (CNI plugin, hook, `runc state`) to its end. An exit code other than 0 is a result. */
  run: {
    params: {
      argv: string[];
      env?: Record<string, string>;
      cwd?: string;
      stdin?: string;
      timeoutMs: number;
      outputLimitBytes?: number;
    };
    result: {
      exitCode: number | null;
      signal: string | null;
      stdout: string;
      stderr: string;
      timedOut: boolean;
      truncated: boolean;
    };
  };

  /**
   * Makes a user namespace with these mappings, and further namespaces that belong to it, and binds each to
   * `<dir>/<kind>` (`user` for the first). The folder exists. On failure nothing stays pinned.
   */
  pinUserNamespace: {
    params: {
      dir: string;
      kinds: ('net' | 'ipc' | 'uts')[];
      uidMappings: OciIdMapping[];
      gidMappings: OciIdMapping[];
    };
    result: Record<string, never>;
  };

  /** `<runtime> create`: the container's init waits in `runc create`d state; its streams are connected and its log is open. */
  create: { params: CreateParams; result: { pid: number } };

  /** `<runtime> start`. */
  start: { params: { id: string }; result: { startedAtNs: string } };

  /** `<runtime> update`: these limits instead of those before; what is left out stays. */
  update: { params: { id: string; resources: OciResources }; result: Record<string, never> };

  /** Sends a signal to the container's init process through its pidfd. Not an error when it has ended. */
  kill: { params: { id: string; signal: number }; result: Record<string, never> };

  /**
   * Ends the container if it still runs (SIGKILL, reaped), then `<runtime> delete`, then removal of all that the
   * shim kept of it. Idempotent. The log file stays: it is the kubelet's.
   */
  delete: { params: { id: string }; result: Record<string, never> };

  /** Closes the container's log and opens it again at the same path, after the kubelet rotated it. */
  reopenLog: { params: { id: string }; result: Record<string, never> };

  /**
   * Runs a process in the container to its end with stdin at /dev/null (CRI ExecSync). `stdout` and `stderr` are
   * base64 of the bytes, each of at most `outputLimitBytes` before encoding; more is read and dropped
   * (`truncated`). `timeoutMs` 0: no limit. Timed out: the process and its group get SIGKILL, `exitCode` is 137.
   * `execId` is the caller's name of it, for `endExec`.
   */
  exec: {
    params: {
      id: string;
      execId?: string;
      process: OciProcess;
      timeoutMs: number;
      outputLimitBytes: number;
    };
    result: { exitCode: number; stdout: string; stderr: string; timedOut: boolean; truncated: boolean };
  };

  /** Nobody waits for that `exec` any more: its process and the group get SIGKILL. Nothing when it has ended. */
  endExec: { params: { execId: string }; result: Record<string, never> };

  /** Starts a process in the container whose streams go over a session connection that must come within 30 s. */
  execSession: { params: { id: string; process: OciProcess; stdin: boolean }; result: { session: string } };

  /** Joins the streams of the running container. */
  attachSession: {
    params: { id: string; stdin: boolean; stdout: boolean; stderr: boolean };
    result: { session: string };
  };

  /** Everything the shim knows, ended containers that were not deleted included. */
  list: { params: Record<string, never>; result: { containers: ContainerState[] } };

  /** Starts berth-pull with `request` on its stdin; progress comes as `pull-progress` events carrying `pullId`. */
  pull: { params: { pullId: string; request: unknown }; result: { outcome: unknown } };

  /**
   * Starts an NRI plugin with a connection to the unix socket at `socket` as its descriptor 3, which it is told of by
   * NRI_PLUGIN_SOCKET. An earlier one of the same path ends. What it writes goes where this shim writes.
   */
  startPlugin: {
    params: { path: string; socket: string; env: Record<string, string> };
    result: { pid: number };
  };

  /** Ends the plugin of that path, or all that run. Not an error when there is none. */
  endPlugins: { params: { path?: string }; result: Record<string, never> };

  /** Ends that pull; its `pull` answers with `Cancelled`. */
  cancelPull: { params: { pullId: string }; result: Record<string, never> };
}

export interface CreateParams {
  /** 64 hexadecimal digits. */
  id: string;
  /** The OCI command line up to the verb, e.g. ['/usr/sbin/runc', '--root', '/run/berth/runc']. */
  runtime: string[];
  /** Folder with config.json. */
  bundle: string;
  terminal: boolean;
  stdin: boolean;
  /** Close stdin after the first attach session that used it ends. */
  stdinOnce: boolean;
  /** CRI log file, its folder exists; null: output is only for attach. */
  logPath: string | null;
  /** A folder above `logPath`: from there on no link is followed to the log. Absent: links are. */
  logRoot?: string;
  /** Bytes beyond which the log starts anew; absent: it does not. */
  logSizeMax?: number;
  /** For the runtime's `create`; when it is over, nothing of the container stays. */
  timeoutMs: number;
  /**
   * Who owns the streams: root of the container's user namespace, as the host numbers it. Absent: root. A program
   * opens /dev/stdout by its name, and an owner from outside of its user namespace would keep it from that.
   */
  streamsOwner?: { uid: number; gid: number };
  /** Where a runc that we know keeps the FIFO that its `start` opens, to open it ourselves; absent: call `start`. */
  execFifo?: string;
  /**
   * Have a shim of containerd's API (version 2: Kata's, for one) make the container, not an OCI runtime. `group`: id of
   * the pod's sandbox, a container like this one that was created before, or this one; one shim serves them all.
   */
  task?: { path: string; configPath?: string; group: string };
}

export interface ContainerState {
  id: string;
  pid: number;
  /** Field 22 of /proc/PID/stat: tells the process from another that got its pid. */
  startTimeTicks: string;
  /** Nanoseconds since the epoch, decimal; null: created, not started. */
  startedAtNs: string | null;
  exit: ContainerExit | null;
}

export interface ContainerExit {
  /** 0–255; 128 + signal when a signal ended it; 255 with reason `Unknown` when nobody could tell. */
  exitCode: number;
  /** Nanoseconds since the epoch, decimal: int64 does not fit a JSON number. */
  finishedAtNs: string;
  oomKilled: boolean;
  reason: 'Exited' | 'OOMKilled' | 'Unknown';
}

export interface Events {
  /** `startedAtNs` as in ContainerState: an exit may come before the answer to the `start` that it ended. */
  exit: { id: string; startedAtNs?: string | null } & ContainerExit;
  'pull-progress': { pullId: string; progress: unknown };
}

export const SessionTag = {
  stdin: 0,
  stdout: 1,
  stderr: 2,
  resize: 3,
  stdinEnd: 4,
  exit: 5,
  failed: 6,
  /** Says nothing: the shim sends it to learn whether the client is still there. */
  alive: 7,
} as const;

/** Payload of SessionTag.resize. */
export interface Resize {
  width: number;
  height: number;
}
/** Payload of SessionTag.exit, the last frame of an exec or attach session. */
export interface SessionExit {
  exitCode: number;
}
/** Payload of SessionTag.failed: what an answer has as `error`. */
export interface WireError {
  code: string;
  message: string;
  hint?: string;
  context?: Record<string, unknown>;
}
