import { create } from '@bufbuild/protobuf';
import { Fail } from '../core/fail.ts';
import { type ContainerUpdate, type LinuxResources, LinuxResourcesSchema } from '../spec/ttrpc/nri/api_pb.js';
import { mergeResources } from './merge-resources.ts';
import type { Owners } from './owners.ts';

/** New limits for containers that are there already, as one or more plugins ask for them. */
export interface Updates {
  readonly resources: Map<string, { readonly limits: LinuxResources; ignoreFailure: boolean }>;
  readonly owners: Owners;
}

/**
 * Adds what one plugin asks for; `creating` is the container that is being made, which has adjustments for this.
 * Fails `FailedPrecondition` where it contradicts another.
 */
export const mergeUpdates = (
  { resources, owners }: Updates,
  asked: readonly ContainerUpdate[],
  plugin: string,
  creating?: string,
): void => {
  for (const { containerId, linux, ignoreFailure } of asked) {
    if (containerId === creating)
      throw new Fail(
        'FailedPrecondition',
        `NRI plugin ${plugin} asks for an update of container ${containerId}, which it is asked about`,
        { hint: 'it has to adjust a container that is being created' },
      );
    const known = resources.get(containerId);
    const update = known ?? { limits: create(LinuxResourcesSchema), ignoreFailure: true };
    if (linux?.resources !== undefined)
      mergeResources(linux.resources, [update.limits], (field, entry) =>
        owners.claim(containerId, plugin, field, entry),
      );
    update.ignoreFailure &&= ignoreFailure;
    resources.set(containerId, update);
  }
};
