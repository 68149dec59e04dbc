import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Config } from '../config/config.ts';
import type { Roots } from '../containers/folders.ts';
import type { ContainerRecord, Containers } from '../containers/record.ts';
import { Fail } from '../core/fail.ts';
import type { Log } from '../observe/log.ts';
import type { PodHooks } from '../pods/context.ts';
import type { PodRecord, Pods } from '../pods/record.ts';
import type { UpdatePodSandboxResourcesRequest } from '../spec/cri/api_pb.js';
import type { OciSpec } from '../spec/oci/runtime.ts';
import {
  type ContainerAdjustment,
  Event,
  type LinuxResources,
  type UpdateContainersRequest,
  type UpdateContainersResponseSchema,
} from '../spec/ttrpc/nri/api_pb.js';
import { askAboutCreation, type Judge } from './ask-creation.ts';
import { askAboutUpdate } from './ask-update.ts';
import { defaultValidator } from './default-validator.ts';
import { mergeUpdates, type Updates } from './merge-updates.ts';
import { type Appliance, carryOut, carryOutAll, evictAll } from './orders.ts';
import { Owners } from './owners.ts';
import type { About, Plugin, ToldEvent } from './plugin.ts';
import { Plugins } from './plugins.ts';
import { type Made, Shown } from './shown.ts';
import { containerView, podUpdateView, podView } from './views.ts';

export interface NriOptions {
  readonly pods: Pods;
  readonly containers: Containers;
  readonly roots: Roots;
  readonly log: Log;
  readonly config: Config['nri'];
  readonly appliance: Appliance;
}

/**
 * The Node Resource Interface: plugins that are told of pods and containers, and have a say in what these get. Every
 * question returns undefined where nobody is to be asked: the caller then waits for nothing.
 */
export class Nri implements PodHooks {
  readonly #options: NriOptions;
  readonly #plugins: Plugins;
  readonly #appliance: Appliance;
  readonly #judges: readonly Judge[];
  readonly #shown: Shown;
  /** Plugins know of these, and the records do not show them yet. */
  readonly #pods = new Map<string, PodRecord>();
  readonly #containers = new Map<string, Made>();
  /** Pods of whose stop plugins have been told: a stop may be asked for again. */
  readonly #stopped = new Set<string>();
  /** Containers of whose end plugins are being told. */
  readonly #ending = new Map<string, Promise<void>>();

  constructor(options: NriOptions) {
    this.#options = options;
    this.#plugins = new Plugins(options.log);
    this.#appliance = options.appliance;
    this.#shown = new Shown(options);
    const { validator } = options.config;
    this.#judges = validator === undefined ? [] : [defaultValidator(validator)];
    options.containers.watch((before, after) => {
      const ended = before?.exit === null && after !== undefined && after.exit !== null;
      if (ended && after.createdAtNs !== null) this.#tellEnd(after);
    });
  }

  get idle(): boolean {
    return this.#plugins.idle;
  }

  /** Tells a plugin of what is there, and lets it take part. Rejects, and has hung up, when it cannot. */
  async join(plugin: Plugin): Promise<void> {
    try {
      const updates = await this.#plugins.turn(async () => {
        const { pods, containers } = this.#shown.present(this.#pods.values(), this.#containers.values());
        const asked = await plugin.synchronize(pods, containers);
        if (plugin.isClosed) throw new Fail('Unavailable', 'it hung up');
        this.#plugins.add(plugin);
        return asked;
      });
      await carryOut(this.#appliance, updates, plugin.name, this.#options.log);
    } catch (error) {
      plugin.close();
      throw error;
    }
  }

  /** Limits that a plugin asks for without having been asked. */
  async update(
    plugin: Plugin,
    { update, evict }: UpdateContainersRequest,
  ): Promise<MessageInitShape<typeof UpdateContainersResponseSchema>> {
    if (!this.#plugins.has(plugin))
      throw new Fail('FailedPrecondition', 'the plugin has not been synchronized yet');
    const { log } = this.#options;
    await evictAll(this.#appliance, evict, log);
    return { failed: await carryOut(this.#appliance, update, plugin.name, log) };
  }

  shutdown(): Promise<void> {
    return this.#plugins.shutdown();
  }

  /** Before the pod is ready. A plugin that fails fails the pod. */
  runPod(pod: PodRecord): Promise<void> | undefined {
    if (!this.#options.config.enabled) return undefined;
    if (this.#plugins.idle) {
      this.#pods.set(pod.id, pod);
      return undefined;
    }
    return this.#plugins.turn(async (plugins) => {
      // Before: when one of them fails, those that have been told hear that it has gone.
      this.#pods.set(pod.id, pod);
      const about = { pod: podView(pod) };
      for (const plugin of plugins) await plugin.tell(Event.RUN_POD_SANDBOX, about);
    });
  }

  /** Its record shows it from now on. */
  podMade(id: string): void {
    this.#pods.delete(id);
  }

  /** It will not be: plugins that know of it hear that it has gone. */
  podNotMade(id: string): Promise<void> | undefined {
    const pod = this.#pods.get(id);
    this.#pods.delete(id);
    return pod === undefined ? undefined : this.podRemoved(pod);
  }

  /** Before the pod as a whole gets other limits. A plugin that fails fails that. */
  updatePod(pod: PodRecord, asked: UpdatePodSandboxResourcesRequest): Promise<void> | undefined {
    if (this.#plugins.idle) return undefined;
    const request = podUpdateView(pod, asked);
    return this.#plugins.turn(async (plugins) => {
      for (const plugin of plugins)
        await plugin.ask(Event.UPDATE_POD_SANDBOX, (calls, options) =>
          calls.updatePodSandbox(request, options),
        );
    });
  }

  podUpdated(pod: PodRecord): Promise<void> | undefined {
    return this.#tellAll(Event.POST_UPDATE_POD_SANDBOX, () => ({ pod: podView(pod) }));
  }

  podStopped(pod: PodRecord): Promise<void> | undefined {
    if (this.#stopped.has(pod.id)) return undefined;
    const told = this.#tellAll(Event.STOP_POD_SANDBOX, () => ({ pod: podView(pod) }));
    if (told !== undefined) this.#stopped.add(pod.id);
    return told;
  }

  podRemoved(pod: PodRecord): Promise<void> | undefined {
    this.#stopped.delete(pod.id);
    return this.#tellAll(Event.REMOVE_POD_SANDBOX, () => ({ pod: podView(pod) }));
  }

  /**
   * What the plugins want the container to be; undefined: they want nothing. Rejects when one of them fails, two
   * contradict each other, or one that has to agree does not.
   */
  createContainer(
    pod: PodRecord,
    record: ContainerRecord,
    spec: OciSpec,
  ): Promise<ContainerAdjustment | undefined> | undefined {
    if (!this.#options.config.enabled) return undefined;
    if (this.#plugins.idle && this.#judges.length === 0) {
      this.#containers.set(record.id, { record, spec });
      return undefined;
    }
    return this.#createAsking(pod, record, spec);
  }

  /** Its record shows it from now on. */
  containerMade(record: ContainerRecord): Promise<void> | undefined {
    this.#containers.delete(record.id);
    return this.#tellOf(record, Event.POST_CREATE_CONTAINER);
  }

  /** It will not be: plugins that know of it let go of what they have given it. */
  containerNotMade(id: string): Promise<void> | undefined {
    const made = this.#containers.get(id);
    this.#containers.delete(id);
    if (made === undefined || this.#plugins.idle) return undefined;
    const { record, spec } = made;
    return this.#plugins.turn(async (plugins) => {
      const about = this.#shown.about(record, spec);
      for (const plugin of plugins) {
        await this.#orLog(plugin, () =>
          plugin.ask(Event.STOP_CONTAINER, (calls, options) => calls.stopContainer(about, options)),
        );
        await this.#orLog(plugin, () => plugin.tell(Event.REMOVE_CONTAINER, about));
      }
    });
  }

  /** Before it starts. A plugin that fails fails the start. */
  startContainer(record: ContainerRecord): Promise<void> | undefined {
    if (this.#plugins.idle) return undefined;
    return this.#plugins.turn(async (plugins) => {
      const about = this.#shown.about(record);
      for (const plugin of plugins) await plugin.tell(Event.START_CONTAINER, about);
    });
  }

  containerStarted(record: ContainerRecord): Promise<void> | undefined {
    return this.#tellOf(record, Event.POST_START_CONTAINER);
  }

  /** The limits that the container is to get in place of those that were asked for. */
  updateContainer(record: ContainerRecord, asked: LinuxResources): Promise<LinuxResources> | undefined {
    if (this.#plugins.idle) return undefined;
    return this.#updateAsking(record, asked);
  }

  containerUpdated(record: ContainerRecord): Promise<void> | undefined {
    return this.#tellOf(record, Event.POST_UPDATE_CONTAINER);
  }

  /** Settles when plugins have been told that the container has ended; undefined: they have been, or are not. */
  containerEnded(id: string): Promise<void> | undefined {
    return this.#ending.get(id);
  }

  containerRemoved(record: ContainerRecord): Promise<void> | undefined {
    return this.#tellOf(record, Event.REMOVE_CONTAINER);
  }

  async #createAsking(pod: PodRecord, record: ContainerRecord, spec: OciSpec): Promise<ContainerAdjustment> {
    const { log } = this.#options;
    const creation = { pod: podView(pod), container: containerView(record, spec) };
    const { adjust, updates, evictions } = await this.#plugins.turn((plugins) => {
      this.#containers.set(record.id, { record, spec });
      return askAboutCreation(plugins, creation, this.#judges);
    });
    await evictAll(this.#appliance, evictions, log);
    await carryOutAll(this.#appliance, updates, log);
    return adjust;
  }

  async #updateAsking(record: ContainerRecord, asked: LinuxResources): Promise<LinuxResources> {
    const { log } = this.#options;
    const { limits, updates, evictions } = await this.#plugins.turn((plugins) =>
      askAboutUpdate(plugins, this.#shown.about(record), asked),
    );
    await evictAll(this.#appliance, evictions, log);
    await carryOutAll(this.#appliance, updates, log);
    return limits;
  }

  /** In the same tick in which its record says so. */
  #tellEnd(record: ContainerRecord): void {
    if (this.#plugins.idle) return;
    const { log } = this.#options;
    const told = this.#plugins.turn(async (plugins) => {
      const about = this.#shown.about(record);
      const updates: Updates = { resources: new Map(), owners: new Owners() };
      for (const plugin of plugins)
        await this.#orLog(plugin, async () => {
          const answer = await plugin.ask(Event.STOP_CONTAINER, (calls, options) =>
            calls.stopContainer(about, options),
          );
          mergeUpdates(updates, answer?.update ?? [], plugin.name);
        });
      return updates;
    });
    const all = told
      .then((updates) => carryOutAll(this.#appliance, updates, log))
      .catch((error: unknown) =>
        log.error('cannot tell NRI plugins of an end', { container: record.id, error }),
      )
      .finally(() => this.#ending.delete(record.id));
    this.#ending.set(record.id, all);
  }

  /** What has happened has happened: a plugin that fails is told in the log. */
  #tellAll(event: ToldEvent, about: () => About): Promise<void> | undefined {
    if (this.#plugins.idle) return undefined;
    return this.#plugins.turn(async (plugins) => {
      const what = about();
      for (const plugin of plugins) await this.#orLog(plugin, () => plugin.tell(event, what));
    });
  }

  #tellOf(record: ContainerRecord, event: ToldEvent): Promise<void> | undefined {
    return this.#tellAll(event, () => this.#shown.about(record));
  }

  async #orLog(plugin: Plugin, ask: () => Promise<unknown>): Promise<void> {
    try {
      await ask();
    } catch (error) {
      this.#options.log.error('an NRI plugin failed', { plugin: plugin.name, error });
    }
  }
}
