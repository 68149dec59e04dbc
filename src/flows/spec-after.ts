import { Fail } from '../core/fail.ts';
import type { History } from '../host/facts/history.ts';
import { isMapping } from '../profile/as-written.ts';
import type { HostEntry, Spec } from '../profile/profile.ts';

/**
 * The host with the spec that it followed after a generation: what it is proven against once it is back there. How it is
 * proven stays as the profile says today. Keys that the generation's berth did not know have today's values.
 */
export function specAfter(host: HostEntry, { specs }: History, generation: number): HostEntry {
  const text = specs.get(generation);
  if (text === undefined) return host;
  const spec = laidOver(host.spec, parse(text, generation));
  return { ...host, spec: { ...spec, verify: host.spec.verify } };
}

function parse(text: string, generation: number): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Fail('CommandFailed', `what generation ${generation} followed cannot be read on the host`, {
      hint: 'See whether /var/lib/berth-install was damaged.',
      cause,
    });
  }
}

/** Section by section, and in each of them key by key; what is below a key is one value. */
function laidOver(ours: Spec, theirs: unknown): Spec {
  if (!isMapping(theirs)) return ours;
  const sections = Object.entries(ours).map(([name, section]) => {
    const other = theirs[name];
    return [name, isMapping(section) && isMapping(other) ? { ...section, ...other } : (other ?? section)];
  });
  return Object.fromEntries(sections) as Spec;
}
