import { Fail } from '../core/fail.ts';
import { fileAt } from '../host/facts/files.ts';
import type { Facts } from '../host/facts/probe.ts';
import type { Change, Step } from '../resources/change.ts';
import { daemons, type EngineName, withoutAlias } from './engines.ts';
import { placesOn } from './places.ts';

/** One record for each pod, as long as the pod lives: a reboot ends both. */
export const podRecords = '/run/berth/pods';

/** crictl of a package. */
export const packagedCrictl = '/usr/bin/crictl';

/** Why pods are stopped: a kubelet that goes on would start them again meanwhile. */
interface StopOptions {
  /** crictl is brought by the same plan, before this. */
  readonly crictlComes?: boolean;
}

/**
 * Before an engine goes, it takes its pods down: addresses, rules and mounts with them. One of berth's that is down while
 * its containers live is started for it; CRI-O keeps no record that would tell.
 * @throws Fail `Unsupported` when there are pods and no crictl to end them with
 */
export function stopPods(
  facts: Facts,
  engine: EngineName = 'berth',
  { crictlComes = false }: StopOptions = {},
): Change | undefined {
  const unit = daemons[engine];
  const isUp = withoutAlias(facts).units.get(unit)?.activeState === 'active';
  const hasPods = engine === 'berth' && hasRecords(facts);
  const crictl = crictlOn(facts) ?? (crictlComes ? placesOn(facts).crictl : undefined);
  if (hasPods && crictl === undefined)
    throw new Fail(
      'Unsupported',
      `pods are left, and ${placesOn(facts).crictl}, which could end them, is gone`,
      {
        hint: 'Run berth apply first, which brings it back, or reboot the host, which ends all pods.',
      },
    );
  if (crictl === undefined || (!isUp && !hasPods)) return undefined;
  const removePods = podRemoval(crictl);
  return {
    id: 'pods',
    action: 'remove',
    summary: 'stop and remove all pods',
    ...(isUp ? {} : { reason: `${unit.replace('.service', '')} is started for it, and stopped again` }),
    // What is started here is not among the units that the plan found running, and stops here too.
    steps: [...(isUp ? [removePods] : [startDaemon(unit), removePods, stopDaemon(unit)]), removePortChains],
  };
}

const hasRecords = ({ files }: Facts): boolean => {
  const records = fileAt(files, podRecords);
  return records.kind === 'directory' && !records.empty;
};

const crictlOn = (facts: Facts): string | undefined =>
  [placesOn(facts).crictl, packagedCrictl].find((path) => fileAt(facts.files, path).kind === 'file');

const startDaemon = (unit: string): Step => ({
  kind: 'run',
  argv: [
    'sh',
    '-c',
    'systemctl reset-failed "$1" 2>/dev/null; systemctl start "$1" && exit 0; ' +
      'journalctl --no-pager -o cat -n 40 -u "$1"; ' +
      'echo "pods are left and $1, which could end them, does not start: reboot the host, then reset again"; exit 1',
    'sh',
    unit,
  ],
  deadlineSeconds: 150,
});

const stopDaemon = (unit: string): Step => ({
  kind: 'run',
  argv: ['systemctl', 'stop', unit],
  deadlineSeconds: 150,
});

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
