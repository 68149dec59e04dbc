import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { Fail, failedWith } from '../core/fail.ts';
import type { Log } from '../observe/log.ts';
import {
  type Container,
  ContainerSchema,
  type ContainerUpdate,
  Event,
  Plugin as PluginService,
  type PodSandbox,
  PodSandboxSchema,
  type RegisterPluginRequest,
  Runtime,
  type UpdateContainersRequest,
  type UpdateContainersResponseSchema,
} from '../spec/ttrpc/nri/api_pb.js';
import { NRI_VERSION } from '../spec/ttrpc/nri/version.ts';
import { Client } from '../ttrpc/client.ts';
import type { Conduit } from '../ttrpc/conduit.ts';
import { serve } from '../ttrpc/server.ts';
import { type CallOptions, implement, type Methods } from '../ttrpc/service.ts';
import { ConnectionId, multiplex } from './multiplex.ts';

export interface PluginOptions {
  readonly conduit: Conduit;
  readonly log: Log;
  readonly requestTimeoutMs: number;
  readonly registrationTimeoutMs: number;
  /** Of one that was started here, whose name and configuration are known; others say their names. */
  readonly launched?: { readonly index: string; readonly base: string; readonly config: string };
  /** Limits that the plugin asks for without having been asked. */
  readonly update: (
    plugin: Plugin,
    request: UpdateContainersRequest,
  ) => Promise<MessageInitShape<typeof UpdateContainersResponseSchema>>;
}

/** Bits of Event that there are. */
const ALL_EVENTS = (1 << (Event.LAST - 1)) - 1;

/** Room for the frame around a message, and for what one element may exceed its siblings by. */
const SYNC_BYTES = 3 * 1024 * 1024;

export type Calls = Methods<typeof PluginService>;

/** What an event is about. */
export interface About {
  readonly pod?: PodSandbox;
  readonly container?: Container;
}

/** Events whose answers say nothing. */
const TOLD = {
  [Event.RUN_POD_SANDBOX]: 'runPodSandbox',
  [Event.POST_UPDATE_POD_SANDBOX]: 'postUpdatePodSandbox',
  [Event.STOP_POD_SANDBOX]: 'stopPodSandbox',
  [Event.REMOVE_POD_SANDBOX]: 'removePodSandbox',
  [Event.POST_CREATE_CONTAINER]: 'postCreateContainer',
  [Event.START_CONTAINER]: 'startContainer',
  [Event.POST_START_CONTAINER]: 'postStartContainer',
  [Event.POST_UPDATE_CONTAINER]: 'postUpdateContainer',
  [Event.REMOVE_CONTAINER]: 'removeContainer',
} as const satisfies Partial<Record<Event, keyof Calls>>;

export type ToldEvent = keyof typeof TOLD;

/**
 * One plugin's connection. What a plugin does wrong ends its connection and nothing else: one that does not answer in
 * time, hangs up or breaks the protocol is dropped, and what it was asked for goes on without it.
 */
export class Plugin {
  readonly #options: PluginOptions;
  readonly #client: Client;
  readonly #calls: Calls;
  readonly #registered = Promise.withResolvers<void>();
  #index: string;
  #base: string;
  #events = 0;
  #isRegistered = false;

  constructor(options: PluginOptions) {
    this.#options = options;
    this.#index = options.launched?.index ?? '??';
    this.#base = options.launched?.base ?? 'plugin';
    const part = multiplex(options.conduit);
    this.#client = new Client(part(ConnectionId.plugin));
    this.#calls = this.#client.methods(PluginService);
    this.#registered.promise.catch(() => {});
    serve(part(ConnectionId.runtime), [
      implement(Runtime, {
        registerPlugin: async (request) => this.#register(request),
        updateContainers: (request) => options.update(this, request),
      }),
    ]);
  }

  /** Two digits: plugins are asked in this order. */
  get index(): string {
    return this.#index;
  }

  get base(): string {
    return this.#base;
  }

  get name(): string {
    return `${this.#index}-${this.#base}`;
  }

  get isClosed(): boolean {
    return this.#client.isClosed;
  }

  get closed(): Promise<void> {
    return this.#client.closed;
  }

  close(): void {
    this.#client.close();
  }

  wants(event: Event): boolean {
    return (this.#events & (1 << (event - 1))) !== 0;
  }

  /** Waits for the plugin's registration and configures it. Rejects, and has hung up, when that goes wrong. */
  async start(runtime: { readonly name: string; readonly version: string }): Promise<void> {
    const { registrationTimeoutMs, requestTimeoutMs, launched } = this.#options;
    try {
      await this.#registration(registrationTimeoutMs);
      const { events } = await this.#calls.configure(
        {
          config: launched?.config ?? '',
          runtimeName: runtime.name,
          runtimeVersion: runtime.version,
          registrationTimeout: BigInt(registrationTimeoutMs),
          requestTimeout: BigInt(requestTimeoutMs),
          NRIVersion: NRI_VERSION,
        },
        { timeoutMs: requestTimeoutMs },
      );
      if ((events & ~ALL_EVENTS) !== 0)
        throw new Fail('InvalidArgument', `it asks for events that there are not: 0x${events.toString(16)}`);
      this.#events = events === 0 ? ALL_EVENTS : events;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Tells the plugin of all pods and containers, in several messages when they do not fit one. */
  async synchronize(
    pods: readonly PodSandbox[],
    containers: readonly Container[],
  ): Promise<ContainerUpdate[]> {
    const parts = inParts(pods, containers);
    for (const [index, part] of parts.entries()) {
      const more = index < parts.length - 1;
      const options = { timeoutMs: this.#options.requestTimeoutMs };
      const answer = await this.#calls.synchronize({ ...part, more }, options);
      if (!more) return answer.update;
      if (!answer.more || answer.update.length > 0)
        throw new Fail('Unimplemented', 'it does not take the pods and containers in several messages');
    }
    return [];
  }

  /**
   * Asks the plugin, if it wants to know of such an event. Undefined: it does not, or it has just been dropped. Rejects
   * with what the plugin itself says.
   */
  async ask<Answer>(
    event: Event,
    question: (calls: Calls, options: CallOptions) => Promise<Answer>,
  ): Promise<Answer | undefined> {
    if (!this.wants(event) || this.isClosed) return undefined;
    try {
      return await question(this.#calls, { timeoutMs: this.#options.requestTimeoutMs });
    } catch (error) {
      if (this.isClosed || failedWith(error, 'DeadlineExceeded')) {
        this.#drop(event, error);
        return undefined;
      }
      throw error instanceof Fail
        ? new Fail(error.code, `NRI plugin ${this.name}: ${error.message}`, { cause: error })
        : error;
    }
  }

  /** Plugins from before these events had calls of their own know one for all of them. */
  async tell(event: ToldEvent, about: About): Promise<void> {
    try {
      await this.ask<unknown>(event, (calls, options) => calls[TOLD[event]](about, options));
    } catch (error) {
      if (!failedWith(error, 'Unimplemented')) throw error;
      await this.ask(event, (calls, options) => calls.stateChange({ ...about, event }, options));
    }
  }

  /** The runtime goes down. No answer is waited for longer than for any request. */
  async shutdown(): Promise<void> {
    try {
      if (!this.isClosed) await this.#calls.shutdown({}, { timeoutMs: this.#options.requestTimeoutMs });
    } catch (error) {
      this.#options.log.debug('an NRI plugin did not hear of the shutdown', { plugin: this.name, error });
    }
    this.close();
  }

  #drop(event: Event, error: unknown): void {
    const fields = { plugin: this.name, event: Event[event], error };
    if (this.isClosed) this.#options.log.warn('an NRI plugin hung up instead of an answer', fields);
    else this.#options.log.error('dropped an NRI plugin that did not answer', fields);
    this.close();
  }

  #register({ pluginName, pluginIdx, NRIVersion }: RegisterPluginRequest): Record<string, never> {
    const { launched, log } = this.#options;
    if (this.#isRegistered) throw new Fail('FailedPrecondition', `plugin ${this.name} has registered before`);
    this.#isRegistered = true;
    if (launched === undefined) {
      try {
        this.#base = requireBase(pluginName);
        this.#index = requireIndex(pluginIdx);
      } catch (error) {
        this.#registered.reject(error);
        throw error;
      }
    }
    log.info('an NRI plugin registers', { plugin: this.name, nri: NRIVersion });
    this.#registered.resolve();
    return {};
  }

  async #registration(timeoutMs: number): Promise<void> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => reject(new Fail('DeadlineExceeded', `it did not register within ${timeoutMs} ms`)),
      timeoutMs,
    );
    const gone = this.closed.then(() => {
      throw new Fail('Unavailable', 'it hung up before it registered');
    });
    gone.catch(() => {});
    try {
      await Promise.race([this.#registered.promise, late, gone]);
    } finally {
      clearTimeout(timer);
    }
  }
}

const requireBase = (name: string): string => {
  if (/^[A-Za-z0-9_.+-]{1,253}$/.test(name)) return name;
  throw new Fail('InvalidArgument', `${JSON.stringify(name.slice(0, 253))} is not a name for an NRI plugin`);
};

const requireIndex = (index: string): string => {
  if (/^[0-9]{2}$/.test(index)) return index;
  throw new Fail(
    'InvalidArgument',
    `the index of an NRI plugin is two digits, not ${JSON.stringify(index.slice(0, 20))}`,
  );
};

/** A plugin's file: two digits, a dash, its name. */
export const parsePluginName = (file: string): { readonly index: string; readonly base: string } => {
  const at = file.indexOf('-');
  if (at < 0) throw new Fail('InvalidArgument', `${file} is not named as NRI plugins are: 10-name`);
  return { index: requireIndex(file.slice(0, at)), base: requireBase(file.slice(at + 1)) };
};

interface Part {
  readonly pods: PodSandbox[];
  readonly containers: Container[];
}

const inParts = (pods: readonly PodSandbox[], containers: readonly Container[]): readonly Part[] => {
  const parts: Part[] = [{ pods: [], containers: [] }];
  let room = SYNC_BYTES;
  const partFor = (bytes: number): Part => {
    if (bytes > room) {
      parts.push({ pods: [], containers: [] });
      room = SYNC_BYTES;
    }
    room -= bytes;
    return parts.at(-1) ?? { pods: [], containers: [] };
  };
  for (const pod of pods) partFor(toBinary(PodSandboxSchema, pod).length).pods.push(pod);
  for (const container of containers)
    partFor(toBinary(ContainerSchema, create(ContainerSchema, container)).length).containers.push(container);
  return parts;
};
