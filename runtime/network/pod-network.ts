import type { CniResult } from '../spec/cni/cni.ts';

export interface PortMapping {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly containerPort: number;
  /** 0: the port is not published on the host. */
  readonly hostPort: number;
  /** Empty: every address of the host. */
  readonly hostIp: string;
}

/** Rates in bits per second, bursts in bits: the CNI convention's own units. */
export interface Bandwidth {
  readonly ingressRate?: number;
  readonly ingressBurst?: number;
  readonly egressRate?: number;
  readonly egressBurst?: number;
}

/** What the pod's networks need to know of a pod. */
export interface PodNetwork {
  /** Pod id: CNI_CONTAINERID. */
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  /** Path of the pinned network namespace. */
  readonly netns: string;
  readonly portMappings: readonly PortMapping[];
  readonly bandwidth?: Bandwidth;
  /** Addresses asked for, with or without prefix length (capability `ips`). */
  readonly ips?: readonly string[];
  /** Other names of the pod (capability `aliases`). */
  readonly aliases?: readonly string[];
  /** Capability `dns`. */
  readonly dns?: {
    readonly servers: readonly string[];
    readonly searches: readonly string[];
    readonly options: readonly string[];
  };
}

/** One run of a plugin: `argv` has the absolute path alone, `stdin` the network configuration. */
export interface PluginRun {
  readonly argv: string[];
  readonly env: Record<string, string>;
  readonly stdin: string;
  readonly timeoutMs: number;
}

export interface PluginOutcome {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

/** Starts the plugin and waits for its end; the shim client's `run` is one. */
export type RunPlugin = (run: PluginRun, signal: AbortSignal) => Promise<PluginOutcome>;

/** `message` is empty when `ready`; else the reason and message of CRI's NetworkReady condition. */
export interface NetworkStatus {
  readonly ready: boolean;
  readonly reason: string;
  readonly message: string;
}

export interface Network {
  /** Never rejects: what is wrong is in the message. Reads the configuration again when its folder changed. */
  status(): Promise<NetworkStatus>;

  /**
   * CNI ADD of the default network; recorded before the first plugin runs, so that `del` works after a crash
   * at any instruction. On failure what was added has been undone by DEL, in reverse.
   * Fails `FailedPrecondition` when no network is configured, `Unavailable` when a plugin said no,
   * `DeadlineExceeded`, `Cancelled`, `InvalidArgument` for a host port that no plugin would publish.
   */
  add(pod: PodNetwork, signal: AbortSignal): Promise<CniResult>;

  /** CNI CHECK against the recorded result. Resolves when the network has no CHECK (cniVersion below 0.4.0, or disableCheck). */
  check(pod: PodNetwork, signal: AbortSignal): Promise<void>;

  /**
   * CNI DEL with the recorded configuration and result, whatever became of the files. Idempotent: resolves when
   * nothing is recorded. `netns` of the pod may be gone. The record goes only when every plugin agreed.
   */
  del(pod: Pick<PodNetwork, 'id'>, signal: AbortSignal): Promise<void>;

  /** The recorded result of an `add` that succeeded. */
  result(podId: string): Promise<CniResult | undefined>;

  /** Pod ids with a record: those that no pod owns any more are to be given to `del`. */
  recorded(): Promise<readonly string[]>;

  /** CNI GC (1.1.0): frees what the plugins keep for pods that are not in `podIds`. Does nothing below 1.1.0. */
  gc(podIds: readonly string[], signal: AbortSignal): Promise<void>;
}
