import { Fail } from '../core/fail.ts';
import { fileAt } from '../host/facts/files.ts';
import type { Facts, ProbeRequest } from '../host/facts/probe.ts';
import type { Spec } from '../profile/profile.ts';
import type { Change, HostPlan, Step } from '../resources/change.ts';
import { planRemoval, type Tree } from '../resources/remove.ts';
import { daemon } from './engine-berth.ts';
import { probeRequest } from './node.ts';
import { everyPlace, placesOn } from './places.ts';

/** What the runtime keeps besides what apply installed: state of pods, images, leases of pod addresses, releases. */
const treesOf = (spec: Spec, roots: readonly string[]): Tree[] => [
  { path: '/run/berth' },
  { path: '/run/crio/crio.sock', folders: ['/run/crio'] },
  { path: '/var/lib/berth' },
  ...spec.cni.networks.map(({ name }) => ({
    path: `/var/lib/cni/networks/${name}`,
    folders: ['/var/lib/cni/networks', '/var/lib/cni'],
  })),
  ...roots.map((path) => ({ path, kept: true as const })),
];

/** One record for each pod, as long as the pod lives: a reboot ends both. */
const podRecords = '/run/berth/pods';

/** The probe of an apply, and the trees that only a removal touches. */
export function removalRequest(spec: Spec): ProbeRequest {
  const request = probeRequest(spec);
  const trees = treesOf(spec, everyPlace('releases')).map(({ path }) => path);
  return { ...request, needs: true, files: [...request.files, ...trees, podRecords] };
}

/** What must go, and come back, for the host to be as it was before berth. */
export const planNodeRemoval = (spec: Spec, facts: Facts): Omit<HostPlan, 'host'> =>
  planRemoval(facts, treesOf(spec, [facts.releases.root]), stopPods(facts));

/**
 * Before the daemon goes, it takes its pods down: addresses, rules and mounts with them. One that is down while its
 * containers live is started for it.
 * @throws Fail `Unsupported` when there are pods and no crictl to end them with
 */
export function stopPods(facts: Facts): Change | undefined {
  const { units, files } = facts;
  const { crictl } = placesOn(facts);
  const removePods = podRemoval(crictl);
  const isUp = units.get(daemon)?.activeState === 'active';
  const records = fileAt(files, podRecords);
  const hasPods = records.kind === 'directory' && !records.empty;
  const hasCrictl = fileAt(files, crictl).kind === 'file';
  if (hasPods && !hasCrictl)
    throw new Fail('Unsupported', `pods are left, and ${crictl}, which could end them, is gone`, {
      hint: 'Run berth apply first, which brings it back, or reboot the host, which ends all pods.',
    });
  if (!hasCrictl || (!isUp && !hasPods)) return undefined;
  return {
    id: 'pods',
    action: 'remove',
    summary: 'stop and remove all pods',
    ...(isUp ? {} : { reason: 'berthd is started for it, and stopped again' }),
    // What is started here is not among the units that the plan found running, and stops here too.
    steps: [...(isUp ? [removePods] : [startDaemon, removePods, stopDaemon]), removePortChains],
  };
}

const startDaemon: Step = {
  kind: 'run',
  argv: [
    'sh',
    '-c',
    'systemctl reset-failed "$1" 2>/dev/null; systemctl start "$1" && exit 0; ' +
      'journalctl --no-pager -o cat -n 40 -u "$1"; ' +
      'echo "pods are left and $1, which could end them, does not start: reboot the host, then reset again"; exit 1',
    'sh',
    daemon,
  ],
  deadlineSeconds: 150,
};

const stopDaemon: Step = { kind: 'run', argv: ['systemctl', 'stop', daemon], deadlineSeconds: 150 };

const podRemoval = (crictl: string): Step => ({
  kind: 'run',
  argv: [crictl, '--runtime-endpoint', 'unix:///var/run/crio/crio.sock', 'rmp', '--all', '--force'],
  deadlineSeconds: 300,
});

/**
 * The portmap plugin takes the rules of a pod away, and leaves the chains that it made for the first one. Where somebody
 * else still publishes ports by them, they stay; a chain that is needed again is made again.
 */
const removePortChains: Step = {
  kind: 'run',
  argv: [
    'sh',
    '-c',
    String.raw`for program in iptables ip6tables; do
  command -v "$program" >/dev/null || continue
  nat="$program -w 30 -t nat"
  $nat -S 2>/dev/null | grep -q -e '-A CNI-HOSTPORT-DNAT' && continue
  # xargs takes the quotes of comments away.
  $nat -S 2>/dev/null | sed -n 's/^-A \(.*-j CNI-HOSTPORT-.*\)/-D \1/p' | while IFS= read -r rule; do
    echo "$rule" | xargs $nat
  done
  for chain in $($nat -S 2>/dev/null | sed -n 's/^-N \(CNI-HOSTPORT-[A-Z]*\)$/\1/p'); do
    $nat -F "$chain" && $nat -X "$chain"
  done
done`,
  ],
  deadlineSeconds: 100,
};
