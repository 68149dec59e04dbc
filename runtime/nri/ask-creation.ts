import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { Fail } from '../core/fail.ts';
import {
  type Container,
  type ContainerAdjustment,
  type ContainerEviction,
  type ContainerUpdate,
  ContainerUpdateSchema,
  Event,
  type PodSandbox,
  type ValidateContainerAdjustmentRequestSchema,
} from '../spec/ttrpc/nri/api_pb.js';
import { beginMerging, type Merging, mergeAdjustment } from './merge-adjustment.ts';
import { mergeUpdates, type Updates } from './merge-updates.ts';
import { Owners } from './owners.ts';
import type { Plugin } from './plugin.ts';

export interface Wishes {
  readonly adjust: ContainerAdjustment;
  /** Of other containers. */
  readonly updates: Updates;
  readonly evictions: readonly ContainerEviction[];
}

export interface Creation {
  readonly pod: PodSandbox;
  readonly container: Container;
}

/** What all plugins together want. */
export interface Decided extends Creation {
  readonly merging: Merging;
  readonly updates: Updates;
  readonly owners: Owners;
  /** Those that were asked. */
  readonly plugins: readonly Pick<Plugin, 'name' | 'base' | 'index'>[];
}

/** Judges it. Rejects when it does not agree. */
export type Judge = (decided: Decided) => Promise<void>;

/** Asks one plugin after the other, each with what those before it want, and then those that have to agree. */
export const askAboutCreation = async (
  plugins: readonly Plugin[],
  { pod, container }: Creation,
  judges: readonly Judge[],
): Promise<Wishes> => {
  const owners = new Owners();
  const merging = beginMerging(container, owners);
  const updates: Updates = { resources: new Map(), owners };
  const evictions: ContainerEviction[] = [];
  for (const plugin of plugins) {
    const request = { pod, container: merging.container };
    const answer = await plugin.ask(Event.CREATE_CONTAINER, (calls, options) =>
      calls.createContainer(request, options),
    );
    if (answer === undefined) continue;
    mergeAdjustment(merging, answer.adjust, plugin.name);
    mergeUpdates(updates, answer.update, plugin.name, container.id);
    evictions.push(...answer.evict);
  }
  await agreed(plugins, { pod, container, merging, updates, owners, plugins }, judges);
  return { adjust: merging.adjust, updates, evictions };
};

const agreed = async (
  plugins: readonly Plugin[],
  decided: Decided,
  judges: readonly Judge[],
): Promise<void> => {
  const validators = plugins.filter(
    (plugin) => plugin.wants(Event.VALIDATE_CONTAINER_ADJUSTMENT) && !plugin.isClosed,
  );
  await Promise.all(judges.map((judge) => judge(decided)));
  if (validators.length === 0) return;
  const { pod, container, merging, updates } = decided;
  const request = {
    pod,
    container,
    adjust: merging.adjust,
    update: updateMessages(updates),
    owners: merging.owners.message(),
    plugins: plugins.map(({ base, index }) => ({ name: base, index })),
  };
  await Promise.all(validators.map((plugin) => validate(plugin, request)));
};

/** Of one that does not answer nobody knows whether it would have agreed. */
const validate = async (
  plugin: Plugin,
  request: MessageInitShape<typeof ValidateContainerAdjustmentRequestSchema>,
): Promise<void> => {
  const answer = await plugin.ask(Event.VALIDATE_CONTAINER_ADJUSTMENT, (calls, options) =>
    calls.validateContainerAdjustment(request, options),
  );
  if (answer === undefined)
    throw new Fail('Unavailable', `NRI plugin ${plugin.name} has to agree to containers and does not answer`);
  if (answer.reject)
    throw new Fail(
      'FailedPrecondition',
      `NRI plugin ${plugin.name} rejects the container: ${answer.reason === '' ? 'it says no reason' : answer.reason}`,
    );
};

const updateMessages = ({ resources }: Updates): ContainerUpdate[] =>
  [...resources].map(([containerId, { limits, ignoreFailure }]) =>
    create(ContainerUpdateSchema, { containerId, ignoreFailure, linux: { resources: limits } }),
  );
