import type { Lock } from '../artifacts/lock/lock.ts';

/** What one lock has that the other has not, or has otherwise: a line for each thing. */
export const describeLockChanges = (before: Lock | undefined, after: Lock): string[] => {
  const [then, now] = [thingsIn(before), thingsIn(after)];
  const changed = [...now].flatMap(([name, { version, content }]) => {
    const earlier = then.get(name);
    if (earlier === undefined) return [`+ ${name} ${version}`.trimEnd()];
    if (earlier.content === content) return [];
    return [
      earlier.version === version ? `~ ${name} ${version}` : `~ ${name} ${earlier.version} → ${version}`,
    ];
  });
  const gone = [...then].filter(([name]) => !now.has(name)).map(([name]) => `- ${name}`);
  return [...changed, ...gone].toSorted((a, b) => (a.slice(2) < b.slice(2) ? -1 : 1));
};

interface Thing {
  readonly version: string;
  readonly content: string;
}

/** Two locks are the same in whatever order their keys stand. */
const sortedKeys = (_key: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value;

function thingsIn(lock: Lock | undefined): Map<string, Thing> {
  if (lock === undefined) return new Map();
  const thing = (name: string, version: string, value: unknown): [string, Thing] => [
    name,
    { version, content: JSON.stringify(value, sortedKeys) },
  ];
  return new Map([
    ...Object.entries(lock.artifacts).flatMap(([key, { files }]) =>
      Object.entries(files).map(([arch, file]) => thing(`${key} (${arch})`, '', file)),
    ),
    ...Object.entries(lock.release).map(([arch, release]) =>
      thing(`berth (${arch})`, release.version, release.files),
    ),
    ...Object.entries(lock.image ?? {}).map(([arch, image]) =>
      thing(`the walk-through's image (${arch})`, image.index.sha256.slice(0, 12), image),
    ),
    ...Object.entries(lock.packages ?? {}).flatMap(([key, { packages }]) =>
      Object.entries(packages).map(([name, each]) => thing(`${name} (${key})`, each.version, each)),
    ),
  ]);
}
