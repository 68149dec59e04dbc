import { clone } from '@bufbuild/protobuf';
import {
  type Container,
  type ContainerEviction,
  Event,
  type LinuxResources,
  LinuxResourcesSchema,
  type PodSandbox,
} from '../spec/ttrpc/nri/api_pb.js';
import { mergeResources } from './merge-resources.ts';
import { mergeUpdates, type Updates } from './merge-updates.ts';
import { Owners } from './owners.ts';
import type { Plugin } from './plugin.ts';

export interface Changes {
  /** Of the container itself, in place of those that were asked for. */
  readonly limits: LinuxResources;
  /** Of others. */
  readonly updates: Updates;
  readonly evictions: readonly ContainerEviction[];
}

/** Asks one plugin after the other, each with the limits that those before it have left. */
export const askAboutUpdate = async (
  plugins: readonly Plugin[],
  about: { readonly pod?: PodSandbox; readonly container: Container },
  asked: LinuxResources,
): Promise<Changes> => {
  const updates: Updates = { resources: new Map(), owners: new Owners() };
  const limits = clone(LinuxResourcesSchema, asked);
  const evictions: ContainerEviction[] = [];
  for (const plugin of plugins) {
    const request = { ...about, linuxResources: limits };
    const answer = await plugin.ask(Event.UPDATE_CONTAINER, (calls, options) =>
      calls.updateContainer(request, options),
    );
    if (answer === undefined) continue;
    mergeUpdates(updates, answer.update, plugin.name);
    evictions.push(...answer.evict);
    const own = updates.resources.get(about.container.id);
    if (own !== undefined) mergeResources(own.limits, [limits], () => {});
  }
  updates.resources.delete(about.container.id);
  return { limits, updates, evictions };
};
