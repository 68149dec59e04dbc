import { commandOutput, runCommand } from '../../core/command.ts';
import { Fail } from '../../core/fail.ts';
import type { EmbeddedAddress } from '../../profile/profile.ts';
import type { HostPlaces } from './places.ts';

/** A network that this machine already uses elsewhere would make every answer go astray. */
export async function requireFreeNetwork(
  { name, network }: EmbeddedAddress,
  places: HostPlaces,
  signal: AbortSignal,
): Promise<void> {
  const text = await commandOutput(['ip', '-json', 'address'], { signal });
  const links = JSON.parse(text) as { ifname: string; addr_info: { local?: string }[] }[];
  const other = links.find(
    (link) =>
      link.ifname !== places.title && link.addr_info.some((each) => each.local?.startsWith(`${network}.`)),
  );
  if (other === undefined) return;
  throw new Fail('Unsupported', `${network}.0/24 is in use by ${other.ifname} of this machine`, {
    hint: `give the embedded host ${name} another network in the profile`,
  });
}

/** Our end of the wire goes with the host's network namespace, but the kernel takes its time for that. */
export async function removeLinks({ title, link }: HostPlaces, signal: AbortSignal): Promise<void> {
  for (const name of [link, title]) {
    const known = await runCommand(['ip', 'link', 'show', 'dev', name], { signal });
    if (known.exitCode !== 0) continue;
    const deleted = await runCommand(['ip', 'link', 'delete', name], { signal });
    if (deleted.exitCode === 0) continue;
    const still = await runCommand(['ip', 'link', 'show', 'dev', name], { signal });
    if (still.exitCode === 0)
      throw new Fail('CommandFailed', `ip link delete ${name}: ${deleted.stderr.trim()}`);
  }
}
