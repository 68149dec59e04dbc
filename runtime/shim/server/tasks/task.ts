import { connect } from 'node:net';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt';
import { Fail, failedWith } from '../../../core/fail.ts';
import type { WaitStatus } from '../../../linux/processes.ts';
import type { OciProcess } from '../../../spec/oci/runtime.ts';
import { OptionsSchema } from '../../../spec/ttrpc/task/options_pb.js';
import { type CreateTaskRequestSchema, Task as TaskService } from '../../../spec/ttrpc/task/shim_pb.js';
import { Status } from '../../../spec/ttrpc/types/task/task_pb.js';
import { Client } from '../../../ttrpc/client.ts';
import { socketConduit } from '../../../ttrpc/conduit.ts';
import type { Methods } from '../../../ttrpc/service.ts';
import type { ShimAddress } from './shim-binary.ts';

/** A virtual machine boots within `create`. */
const CREATE_TIMEOUT_MS = 120_000;
const CALL_TIMEOUT_MS = 60_000;
const CONNECT_TIMEOUT_MS = 10_000;

/** The longest that one call waits for an end; then the next call does. */
const WAIT_MS = 24 * 3600 * 1000;

/** Names of types as containerd's typeurl has them. */
const SPEC = 'types.containerd.io/opencontainers/runtime-spec/1';

export interface TaskStreams {
  readonly terminal: boolean;
  /** Paths of FIFOs; empty: none. */
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
}

type CreateRequest = Exclude<MessageInitShape<typeof CreateTaskRequestSchema>, { $typeName: string }>;

/** A container that a shim of containerd's API has, by its connection to that program. */
export class Task {
  readonly #id: string;
  readonly #client: Client;
  readonly #calls: Methods<typeof TaskService>;

  constructor(id: string, client: Client, version: number) {
    this.#id = id;
    this.#client = client;
    this.#calls = client.methods(TaskService, `containerd.task.v${version}.Task`);
  }

  /** Returns the pid that stands for it on the host: of its first process, or of what holds its machine. */
  async create(bundle: string, streams: TaskStreams, configPath: string | undefined): Promise<number> {
    const request: CreateRequest = { id: this.#id, bundle, ...streams };
    if (configPath !== undefined) request.options = optionsOf(configPath);
    const { pid } = await this.#calls.create(request, { timeoutMs: CREATE_TIMEOUT_MS });
    return pid;
  }

  async start(execId = ''): Promise<number> {
    const { pid } = await this.#calls.start({ id: this.#id, execId }, { timeoutMs: CALL_TIMEOUT_MS });
    return pid;
  }

  /** Whether it was started; undefined: nobody knows it. */
  async wasStarted(): Promise<boolean | undefined> {
    try {
      const { status } = await this.#calls.state({ id: this.#id }, { timeoutMs: CALL_TIMEOUT_MS });
      return status !== Status.CREATED;
    } catch (error) {
      if (failedWith(error, 'NotFound') || this.#client.isClosed) return undefined;
      throw error;
    }
  }

  /** Resolves with how it ended; undefined when nobody can tell any more. */
  async wait(execId = ''): Promise<WaitStatus | undefined> {
    for (;;) {
      try {
        const { exitStatus } = await this.#calls.wait({ id: this.#id, execId }, { timeoutMs: WAIT_MS });
        return { exitCode: exitStatus & 0xff, signal: undefined };
      } catch (error) {
        if (!failedWith(error, 'DeadlineExceeded')) return undefined;
      }
    }
  }

  /** Not an error when it has ended. */
  async kill(signal: number, execId = ''): Promise<void> {
    const request = { id: this.#id, execId, signal, all: false };
    await unlessGone(this.#calls.kill(request, { timeoutMs: CALL_TIMEOUT_MS }));
  }

  async exec(execId: string, process: OciProcess, streams: TaskStreams): Promise<void> {
    const spec = anyOf(`${SPEC}/Process`, Buffer.from(JSON.stringify(process)));
    await this.#calls.exec({ id: this.#id, execId, spec, ...streams }, { timeoutMs: CALL_TIMEOUT_MS });
  }

  async resize({ width, height }: { width: number; height: number }, execId = ''): Promise<void> {
    const request = { id: this.#id, execId, width, height };
    await unlessGone(this.#calls.resizePty(request, { timeoutMs: CALL_TIMEOUT_MS }));
  }

  /** Who writes the input is done: the shim holds it open for whoever comes next. */
  async closeInput(execId = ''): Promise<void> {
    const request = { id: this.#id, execId, stdin: true };
    await unlessGone(this.#calls.closeIO(request, { timeoutMs: CALL_TIMEOUT_MS }));
  }

  async update(resources: object): Promise<void> {
    const limits = anyOf(`${SPEC}/LinuxResources`, Buffer.from(JSON.stringify(resources)));
    await this.#calls.update({ id: this.#id, resources: limits }, { timeoutMs: CALL_TIMEOUT_MS });
  }

  /** Not an error when it is not there. */
  async delete(execId = ''): Promise<void> {
    await unlessGone(this.#calls.delete({ id: this.#id, execId }, { timeoutMs: CALL_TIMEOUT_MS }));
  }

  /** The program ends when it has no other task. It may do so before it answers. */
  async shutdown(): Promise<void> {
    try {
      await this.#calls.shutdown({ id: this.#id, now: false }, { timeoutMs: CALL_TIMEOUT_MS });
    } catch (error) {
      if (!this.#client.isClosed) throw error;
    }
  }

  close(): void {
    this.#client.close();
  }
}

/** Throws `Unavailable` when nobody serves there. */
export const connectTask = async (id: string, { socket, version }: ShimAddress): Promise<Task> => {
  const connection = connect(socket);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error('no answer')), CONNECT_TIMEOUT_MS);
  connection.once('connect', resolve);
  connection.once('error', reject);
  try {
    await promise;
    return new Task(id, new Client(socketConduit(connection)), version);
  } catch (cause) {
    connection.destroy();
    throw new Fail('Unavailable', `the shim of container ${id} does not answer at ${socket}`, { cause });
  } finally {
    clearTimeout(timer);
    connection.off('error', reject);
  }
};

/** It has ended, or was deleted, in the meantime. */
const unlessGone = async (call: Promise<unknown>): Promise<void> => {
  try {
    await call;
  } catch (error) {
    if (!failedWith(error, 'NotFound')) throw error;
  }
};

const anyOf = (typeUrl: string, value: Uint8Array): Any => create(AnySchema, { typeUrl, value });

const optionsOf = (configPath: string): Any =>
  anyOf('runtimeoptions.v1.Options', toBinary(OptionsSchema, create(OptionsSchema, { configPath })));
