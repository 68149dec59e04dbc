import type { Registries } from '../profile/profile.ts';
import { type Concern, rendered } from './concern.ts';
import { daemonOf } from './engines.ts';
import { loginsFile, loginsResource } from './registry-logins.ts';

/**
 * A drop-in, never /etc/containers/registries.conf itself: that one belongs to the distribution and to
 * podman and skopeo beside us, and what it says of other registries stays in force. It sorts after the crio.conf of CRI-O's
 * packages, which has a search list of its own.
 */
const file = '/etc/containers/registries.conf.d/zz-berth.conf';

export const registries: Concern = {
  asks: () => ({ files: [file, loginsFile] }),
  resources: ({ spec, render, secrets = new Map() }) => ({
    resources: [
      ...loginsResource(spec.registries.auth, secrets),
      rendered(
        render,
        file,
        {
          unqualifiedSearch: spec.registries.unqualifiedSearch,
          registries: registryTables(spec.registries),
        },
        { readBy: [daemonOf(spec)] },
      ),
    ],
  }),
};

/** One table per registry that anything is said of, in the order of first mention. */
function registryTables({ insecure, blocked, mirrors }: Registries) {
  const mirrorsOf = new Map(mirrors.map((entry) => [entry.registry, entry.mirrors]));
  const prefixes = new Set([...mirrorsOf.keys(), ...insecure, ...blocked]);
  return [...prefixes].map((prefix) => ({
    prefix,
    insecure: insecure.includes(prefix),
    blocked: blocked.includes(prefix),
    mirrors: (mirrorsOf.get(prefix) ?? []).map((location) => ({
      location,
      insecure: insecure.includes(location),
    })),
  }));
}
