import type { Facts, ProbeRequest } from '../host/facts/probe.ts';
import type { Spec } from '../profile/profile.ts';
import type { HostPlan } from '../resources/change.ts';
import { planRemoval, type Tree } from '../resources/remove.ts';
import { engineOn, withoutAlias } from './engines.ts';
import { leaveCluster } from './leave-cluster.ts';
import { probeRequest } from './node.ts';
import { everyPlace } from './places.ts';
import { packagedCrictl, podRecords, stopPods } from './stop-pods.ts';

/** What the runtime keeps besides what apply installed: state of pods, images, leases of pod addresses, releases. */
const treesOf = (spec: Spec, roots: readonly string[]): Tree[] => [
  { path: '/run/berth' },
  { path: '/run/crio/crio.sock', folders: ['/run/crio'] },
  { path: '/run/nri/nri.sock', folders: ['/run/nri'] },
  { path: '/var/lib/berth' },
  ...spec.cni.networks.map(({ name }) => ({
    path: `/var/lib/cni/networks/${name}`,
    folders: ['/var/lib/cni/networks', '/var/lib/cni'],
  })),
  ...roots.map((path) => ({ path, kept: true as const })),
];

/** The probe of an apply, and the trees that only a removal touches. */
export function removalRequest(spec: Spec): ProbeRequest {
  const request = probeRequest(spec);
  const trees = treesOf(spec, everyPlace('releases')).map(({ path }) => path);
  return { ...request, needs: true, files: [...request.files, ...trees, podRecords, packagedCrictl] };
}

/** What must go, and come back, for the host to be as it was before berth. */
export function planNodeRemoval(spec: Spec, facts: Facts): Omit<HostPlan, 'host'> {
  const seen = withoutAlias(facts);
  const engine = engineOn(seen) ?? spec.engine.name;
  const removal = planRemoval(seen, treesOf(spec, [facts.releases.root]), stopPods(seen, engine));
  // First of all: a kubelet would start the pods again.
  const planned = { ...removal, changes: [...leaveCluster(facts), ...removal.changes] };
  return spec.engine.name === 'cri-o' && planned.changes.length > 0
    ? { ...planned, notes: [...planned.notes, crioImages] }
    : planned;
}

/** Podman and skopeo keep theirs in the same place. */
const crioImages = 'images of CRI-O stay in /var/lib/containers/storage, which other programs share';
