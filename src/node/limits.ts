import { normalSpace } from '../host/facts/kernel.ts';
import type { Facts } from '../host/facts/probe.ts';
import type { Spec } from '../profile/profile.ts';
import type { Resource } from '../resources/resource.ts';
import { type Concern, rendered } from './concern.ts';

const file = '/etc/sysctl.d/10-berth-limits.conf';

/**
 * Limits that a node with a hundred pods meets while the kernel's defaults are for one desktop: each pod's log reader and
 * most controllers watch files. Raising them costs nothing until they are used. fs.file-max and kernel.pid_max need no
 * help: systemd raises both to their maximum. The kubelet's own keys (vm.overcommit_memory, kernel.panic,
 * kernel.panic_on_oops) are set by the kubelet, which alone needs them: a machine that does other work too keeps its own.
 */
const floors: Readonly<Record<string, number>> = {
  'fs.inotify.max_user_instances': 8192,
  'fs.inotify.max_user_watches': 524288,
};

/** A profile that names a key itself has decided. */
export const limitFloors = ({ kernel }: Spec): [string, number][] =>
  Object.entries(floors).filter(
    ([key]) => !(key in kernel.sysctls) && !(key.replaceAll('.', '/') in kernel.sysctls),
  );

export const limits: Concern = {
  asks: (spec) => ({ files: [file], sysctls: limitFloors(spec).map(([key]) => key) }),
  resources: ({ spec, facts, render }) => {
    const needed = limitFloors(spec).filter(([key, floor]) => mustBeKept(key, floor, facts));
    return {
      resources: [
        ...(needed.length === 0
          ? []
          : [
              // It sorts before the files of others: whoever says more is heard.
              rendered(render, file, { sysctls: needed.map(([key, value]) => ({ key, value })) }),
            ]),
        ...limitFloors(spec).map(
          ([key, value]): Resource => ({
            kind: 'sysctl',
            key,
            value: String(value),
            required: false,
            atLeast: true,
          }),
        ),
      ],
    };
  },
};

/** Whoever set more than the floor did so without us; a host that cannot set its key at all will not at boot either. */
function mustBeKept(key: string, floor: number, { kernel }: Facts): boolean {
  const now = kernel.sysctls.get(key);
  return now?.value !== undefined && now.writable && Number(normalSpace(now.value)) <= floor;
}
