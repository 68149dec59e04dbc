import type { Resource } from '../resources/resource.ts';
import { type Concern, rendered } from './concern.ts';

const modulesFile = '/etc/modules-load.d/berth.conf';
const sysctlsFile = '/etc/sysctl.d/90-berth.conf';

/** Without these pods have no network; the rest is tuning that a container's kernel may refuse. */
const isRequired = (key: string): boolean => /^net[./]/.test(key);

const moduleOf = (key: string): string | undefined =>
  /^net[./]bridge[./]/.test(key) ? 'br_netfilter' : undefined;

export const kernel: Concern = {
  asks: ({ kernel: { modules, sysctls } }) => ({
    files: [modulesFile, sysctlsFile],
    modules,
    sysctls: Object.keys(sysctls),
  }),
  resources: ({ spec, facts, render }) => {
    const { modules, sysctls } = spec.kernel;
    const entries = Object.entries(sysctls);
    const persisted: Resource[] = [];
    const notes: string[] = [];
    if (modules.length > 0 && facts.kernel.hasModuleTree) {
      persisted.push(rendered(render, modulesFile, { modules }));
    } else if (modules.length > 0) {
      // Naming modules at boot on a host without a module tree only makes the boot degraded.
      notes.push(
        `the kernel belongs to the machine around this host, which must load ${modules.join(', ')} at its boot`,
      );
    }
    persisted.push(
      rendered(render, sysctlsFile, { sysctls: entries.map(([key, value]) => ({ key, value })) }),
    );
    return {
      resources: [
        ...persisted,
        ...modules.map((name): Resource => ({ kind: 'module', name })),
        ...entries.map(([key, value]): Resource => {
          const broughtBy = moduleOf(key);
          const required = isRequired(key);
          return { kind: 'sysctl', key, value, required, ...(broughtBy === undefined ? {} : { broughtBy }) };
        }),
      ],
      notes,
    };
  },
};
