import { Fail } from '../core/fail.ts';
import type { Facts, ProbeRequest } from '../host/facts/probe.ts';
import { stateFolder } from '../host/script/state.ts';
import type { Spec } from '../profile/profile.ts';
import type { HostPlan } from '../resources/change.ts';
import { planResources } from '../resources/plan.ts';
import type { Resource } from '../resources/resource.ts';
import { isSelected } from '../resources/select-services.ts';
import { cni } from './cni.ts';
import { cniPlugins } from './cni-plugins.ts';
import type { Concern, Given } from './concern.ts';
import { crictl } from './crictl.ts';
import { doctorNotes } from './doctor/notes.ts';
import { watchedUnits } from './doctor/runtimes.ts';
import { engine } from './engine.ts';
import { withoutAlias } from './engines.ts';
import { firewall } from './firewall.ts';
import { kernel } from './kernel.ts';
import { kubernetes } from './kubernetes.ts';
import { leaveEngine, withEngineLeft } from './leave-engine.ts';
import { limits } from './limits.ts';
import { networkManager } from './network-manager.ts';
import { ociRuntimes } from './oci-runtimes.ts';
import { packages } from './packages.ts';
import { everyPlace } from './places.ts';
import { policy } from './policy.ts';
import { proxy } from './proxy.ts';
import { registries } from './registries.ts';
import { repositories } from './repositories.ts';
import { selinux } from './selinux.ts';
import { swap } from './swap.ts';
import { type ConcernName, concernNames } from './tags.ts';
import type { Render } from './templates.ts';
import { timeSync } from './time-sync.ts';
import { requireOneEach, userTemplates } from './user-templates.ts';

const concernsByName: Readonly<Record<ConcernName, Concern>> = {
  repositories,
  packages,
  kernel,
  limits,
  swap,
  'time-sync': timeSync,
  'network-manager': networkManager,
  firewall,
  'cni-plugins': cniPlugins,
  cni,
  registries,
  policy,
  crictl,
  proxy,
  templates: userTemplates,
  'oci-runtimes': ociRuntimes,
  engine,
  kubernetes,
  selinux,
};
const concerns = concernNames.map((name) => concernsByName[name]);

/** Everything that the profile, and templates of the user, could touch on any host. */
export function probeRequest(spec: Spec, render?: Pick<Render, 'added'>): ProbeRequest {
  const asks = concerns.map((concern) => concern.asks(spec));
  const all = <Key extends 'files' | 'folders' | 'units' | 'modules' | 'sysctls' | 'interfaces'>(
    key: Key,
  ) => [...new Set(asks.flatMap((ask) => ask[key] ?? []))];
  return {
    packages: {
      apt: asks.flatMap((ask) => ask.packages?.apt ?? []),
      dnf: asks.flatMap((ask) => ask.packages?.dnf ?? []),
      dnfElse: Object.assign({}, ...asks.map((ask) => ask.packages?.dnfElse)),
    },
    files: [...new Set([...all('files'), ...(render?.added ?? []).map(({ path }) => path)])],
    folders: all('folders'),
    units: [...new Set([...all('units'), ...watchedUnits])],
    modules: all('modules'),
    sysctls: all('sysctls'),
    interfaces: all('interfaces'),
    disks: ['/usr', '/var', '/etc', stateFolder],
    releases: everyPlace('releases'),
  };
}

/** What differs between the host and the node that the profile describes. */
export function planNode(asked: Given): Omit<HostPlan, 'host'> {
  const given = { ...asked, facts: withoutAlias(asked.facts) };
  const made = concernNames.map((tag) => {
    const { resources, notes } = concernsByName[tag].resources(given);
    return { notes, resources: resources.map((resource): Resource => ({ ...resource, tag })) };
  });
  const resources = made.flatMap((each) => each.resources);
  requireOneEach(resources);
  const planned = planResources(resources, given.facts, given.tags);
  const leaving = isSelected('engine', given.tags) ? leaveEngine(given.spec, given.facts) : [];
  return {
    ...planned,
    changes: withEngineLeft(planned.changes, leaving, given.facts),
    notes: [...made.flatMap(({ notes }) => notes ?? []), ...doctorNotes(given), ...planned.notes],
  };
}

/**
 * Hosts that berth cannot make a node of, said before anything is fetched or changed.
 * @throws Fail `Unsupported`
 */
export function requireSupported({
  system,
  packages: { manager },
}: Facts): NonNullable<Facts['system']['arch']> {
  if (system.arch === undefined) {
    throw new Fail('Unsupported', `the machine type ${system.machine} is not supported`, {
      hint: 'berth has programs for x86_64 and aarch64.',
    });
  }
  if (system.systemd === undefined) {
    throw new Fail('Unsupported', `${system.os.prettyName} does not run systemd as its init`, {
      hint: 'berth manages the services of a node through systemd; boot the host with it.',
    });
  }
  if (manager === undefined) {
    throw new Fail('Unsupported', `${system.os.prettyName} has neither apt-get nor dnf`, {
      hint: 'berth provisions Debian, Ubuntu, Fedora and their relatives.',
    });
  }
  if (system.missingTools.length > 0) {
    throw new Fail('Unsupported', `the host lacks ${system.missingTools.join(', ')}`, {
      hint: 'Install coreutils, util-linux and gzip there.',
    });
  }
  return system.arch;
}
