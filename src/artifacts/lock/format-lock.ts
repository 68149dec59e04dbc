import { stringify } from 'yaml';
import type { Lock } from './lock.ts';

const header = `# What the hosts of the profiles in this folder get, exactly. Written by "berth lock", never by hand.
# Keep it in version control: plan, apply and quickstart use these versions and digests and no others, and
# "berth bundle" packs them for hosts that reach nothing.
#   berth lock FILE                  add what the profile needs and the lock lacks
#   berth lock FILE --upgrade        take what is newest now
#   berth lock FILE --check          exit code 2 when the lock lacks something
`;

/** The text of a lock. The same lock gives the same text, each value on a line of its own. */
export const formatLock = (lock: Lock): string =>
  header + stringify(ordered(lock), { lineWidth: 0, aliasDuplicateObjects: false });

/** Maps by name sort their keys; what the schema names keeps its order. */
const ordered = ({ version, architectures, artifacts, release, image, packages }: Lock): object => ({
  version,
  architectures,
  artifacts: sorted(artifacts),
  release: sorted(
    mapValues(release, (each) => ({ version: each.version, files: sorted(each.files) })),
    architectures,
  ),
  ...(image === undefined ? {} : { image: sorted(image, architectures) }),
  ...(packages === undefined
    ? {}
    : {
        packages: sorted(
          mapValues(packages, ({ manager, wanted, packages: closure }) => ({
            manager,
            wanted: wanted.toSorted(),
            packages: sorted(closure),
          })),
        ),
      }),
});

const mapValues = <From, To>(record: Readonly<Record<string, From>>, change: (value: From) => To) =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));

const sorted = (record: object, order: readonly string[] = []): object =>
  Object.fromEntries(
    Object.entries(record).toSorted(([a], [b]) => {
      const known = order.indexOf(a) - order.indexOf(b);
      return known !== 0 ? known : a < b ? -1 : 1;
    }),
  );
