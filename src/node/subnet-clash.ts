import { Fail } from '../core/fail.ts';
import { fileAt } from '../host/facts/files.ts';
import type { Facts } from '../host/facts/probe.ts';
import { overlaps, parseCidr } from '../profile/cidr.ts';
import type { Spec } from '../profile/profile.ts';

interface Clash {
  /** Of pods. */
  readonly range: string;
  readonly destination: string;
  readonly interface: string;
}

/** Pod ranges to which the host has a way already that is not over their own bridges. */
export function subnetClashes({ cni: { networks } }: Spec, { health }: Facts): Clash[] {
  const bridges = new Set(networks.map(({ bridge }) => bridge));
  const routes = health.routes.filter(
    ({ destination, interface: name }) => !/\/0$/.test(destination) && name !== 'lo' && !bridges.has(name),
  );
  return networks
    .flatMap(({ subnets }) => subnets)
    .flatMap((range) =>
      routes.flatMap(({ destination, interface: name }): Clash[] => {
        const [pods, route] = [parseCidr(range), parseCidr(destination)];
        if (pods === undefined || route === undefined || !overlaps(pods, route)) return [];
        return [{ range, destination, interface: name }];
      }),
    );
}

/**
 * A range that is new to the host must be free: what is written for it would send the packets of others to pods. One that
 * the host has had since an earlier apply is a matter of the doctor.
 * @throws Fail `Unsupported`
 */
export function requireFreeRanges(spec: Spec, facts: Facts, files: readonly string[]): void {
  const there = files
    .map((path) => fileAt(facts.files, path))
    .map((file) => (file.kind === 'file' ? (file.text ?? '') : ''))
    .join('\n');
  const clash = subnetClashes(spec, facts).find(({ range }) => !there.includes(JSON.stringify(range)));
  if (clash === undefined) return;
  throw new Fail(
    'Unsupported',
    `the pod range ${clash.range} overlaps the route to ${clash.destination} by ${clash.interface}`,
    {
      hint: 'choose another range in spec.cni.networks: ip route and ip -6 route on the host show what is taken',
    },
  );
}
