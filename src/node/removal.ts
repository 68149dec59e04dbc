import { fileAt } from '../host/facts/files.ts';
import type { Facts, ProbeRequest } from '../host/facts/probe.ts';
import type { Spec } from '../profile/profile.ts';
import type { Change, HostPlan } from '../resources/change.ts';
import { planRemoval, type Tree } from '../resources/remove.ts';
import { releaseRoot } from './engine-berth.ts';
import { probeRequest } from './node.ts';

/** What the runtime keeps besides what apply installed: state of pods, images, leases of pod addresses, releases. */
const treesOf = (spec: Spec): Tree[] => [
  { path: '/run/berth' },
  { path: '/run/crio/crio.sock', folders: ['/run/crio'] },
  { path: '/var/lib/berth' },
  ...spec.cni.networks.map(({ name }) => ({
    path: `/var/lib/cni/networks/${name}`,
    folders: ['/var/lib/cni/networks', '/var/lib/cni'],
  })),
  { path: releaseRoot },
];

const crictl = '/usr/local/bin/crictl';

/** The probe of an apply, and the trees that only a removal touches. */
export function removalRequest(spec: Spec): ProbeRequest {
  const request = probeRequest(spec);
  return { ...request, needs: true, files: [...request.files, ...treesOf(spec).map(({ path }) => path)] };
}

/** What must go, and come back, for the host to be as it was before berth. */
export const planNodeRemoval = (spec: Spec, facts: Facts): Omit<HostPlan, 'host'> =>
  planRemoval(facts, treesOf(spec), stopPods(facts));

/** Before the daemon goes, it takes its pods down: addresses, rules and mounts with them. */
function stopPods(facts: Facts): Change | undefined {
  const daemon = facts.units.get('berthd.service');
  if (daemon?.activeState !== 'active' || fileAt(facts.files, crictl).kind !== 'file') return undefined;
  return {
    id: 'pods',
    action: 'remove',
    summary: 'stop and remove all pods',
    steps: [
      {
        kind: 'run',
        argv: [crictl, '--runtime-endpoint', 'unix:///var/run/crio/crio.sock', 'rmp', '--all', '--force'],
        deadlineSeconds: 300,
      },
    ],
  };
}
