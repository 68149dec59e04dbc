import { clone, create } from '@bufbuild/protobuf';
import { adjustSpec } from '../nri/adjust-spec.ts';
import { criLimits } from '../nri/limits.ts';
import { applyEdits, resolveEdits } from '../oci/cdi/apply-edits.ts';
import { findDevices } from '../oci/cdi/find-devices.ts';
import { cgroupLimits } from '../oci/limits.ts';
import { mergeResources } from '../oci/merge-resources.ts';
import { oomScore } from '../oci/oom-score.ts';
import {
  type ContainerConfig,
  ContainerConfigSchema,
  LinuxContainerConfigSchema,
} from '../spec/cri/api_pb.js';
import type { OciSpec } from '../spec/oci/runtime.ts';
import type { ContainerAdjustment } from '../spec/ttrpc/nri/api_pb.js';
import type { Daemon } from './daemon.ts';

export interface Adjusted {
  readonly spec: OciSpec;
  /** With the limits that the container really has, for its status and for later updates. */
  readonly config: ContainerConfig;
}

/** The container as NRI plugins want it. Fails `InvalidArgument` for what no container can have. */
export const adjustContainer = async (
  { config: settings, host }: Pick<Daemon, 'config' | 'host'>,
  config: ContainerConfig,
  { spec, adjust }: { readonly spec: OciSpec; readonly adjust: ContainerAdjustment },
): Promise<Adjusted> => {
  const { resources, oomScoreAdj } = adjust.linux ?? {};
  const asked = resources === undefined ? undefined : criLimits(resources);
  const adjusted = adjustSpec(spec, {
    adjust,
    limits: cgroupLimits(asked, 0, host),
    oomScore: (score) => oomScore(score, host).score,
  });
  const changed = clone(ContainerConfigSchema, config);
  changed.linux ??= create(LinuxContainerConfigSchema);
  if (asked !== undefined) changed.linux.resources = mergeResources(changed.linux.resources, asked);
  if (oomScoreAdj !== undefined && changed.linux.resources !== undefined)
    changed.linux.resources.oomScoreAdj = oomScoreAdj.value;
  const devices = adjust.CDIDevices.map(({ name }) => name);
  return {
    spec:
      devices.length === 0
        ? adjusted
        : applyEdits(adjusted, await resolveEdits(await findDevices(devices, settings.cdiSpecDirs))),
    config: changed,
  };
};
