import { Fail } from '../core/fail.ts';
import { CAPABILITIES } from '../linux/capabilities.ts';
import type { Capability } from '../spec/cri/api_pb.js';
import type { OciCapabilities } from '../spec/oci/runtime.ts';

const KNOWN: ReadonlySet<string> = new Set(CAPABILITIES);

export interface CapabilityRequest {
  readonly privileged: boolean;
  readonly asked: Capability | undefined;
  readonly defaults: readonly string[];
  readonly addInheritable: boolean;
  /** What the runtime's own processes hold: more cannot be given. */
  readonly held: ReadonlySet<string>;
}

/**
 * The container's capability sets, and the asked-for ones that this host cannot give.
 * ALL is applied first, single names then win: add ALL and drop NET_RAW is all but NET_RAW.
 * Fails `InvalidArgument` for a name that no kernel has.
 */
export const containerCapabilities = (
  request: CapabilityRequest,
): { readonly sets: OciCapabilities; readonly missing: readonly string[] } => {
  const wanted = request.privileged ? new Set<string>(CAPABILITIES) : wantedSet(request);
  const ambient = new Set(
    request.privileged ? [] : (request.asked?.addAmbientCapabilities ?? []).map(fullName),
  );
  for (const name of ambient) wanted.add(name);
  const granted = inOrder(wanted, request.held);
  const grantedAmbient = inOrder(ambient, request.held);
  return {
    sets: {
      bounding: granted,
      effective: granted,
      permitted: granted,
      inheritable: request.addInheritable ? granted : grantedAmbient,
      ambient: grantedAmbient,
    },
    // A privileged container gets all there is: what the host lacks was not asked for by name.
    missing: request.privileged
      ? []
      : CAPABILITIES.filter((name) => explicit(request, name) && !request.held.has(name)),
  };
};

const wantedSet = ({ asked, defaults }: CapabilityRequest): Set<string> => {
  const add = (asked?.addCapabilities ?? []).map(fullName);
  const drop = (asked?.dropCapabilities ?? []).map(fullName);
  const wanted = new Set<string>(
    drop.includes('ALL') ? [] : add.includes('ALL') ? CAPABILITIES : defaults.map(fullName),
  );
  if (drop.includes('ALL') && add.includes('ALL')) for (const name of CAPABILITIES) wanted.add(name);
  for (const name of add) if (name !== 'ALL') wanted.add(name);
  for (const name of drop) wanted.delete(name);
  return wanted;
};

const explicit = ({ asked }: CapabilityRequest, name: string): boolean =>
  [...(asked?.addCapabilities ?? []), ...(asked?.addAmbientCapabilities ?? [])].some(
    (each) => fullName(each) === name,
  );

/** `net_admin`, `NET_ADMIN` and `CAP_NET_ADMIN` are one; `ALL` stays. */
export const fullName = (name: string): string => {
  const upper = name.toUpperCase();
  if (upper === 'ALL') return upper;
  const full = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
  if (KNOWN.has(full)) return full;
  throw new Fail('InvalidArgument', `capability ${JSON.stringify(name)} is not known`, {
    hint: 'capabilities(7) lists them; write NET_ADMIN or CAP_NET_ADMIN',
  });
};

const inOrder = (wanted: ReadonlySet<string>, held: ReadonlySet<string>): string[] =>
  CAPABILITIES.filter((name) => wanted.has(name) && held.has(name));
