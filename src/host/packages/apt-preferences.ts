import type { LockedPackage } from '../../artifacts/lock/lock.ts';

/** Above every repository, and below 1000, from where on apt would take versions back (apt_preferences(5)). */
const priority = 990;

/** Makes apt choose these versions wherever its repositories have them, for dependencies too. */
export const aptPreferences = (packages: Readonly<Record<string, LockedPackage>>): string =>
  Object.entries(packages)
    .map(([name, { version }]) => `Package: ${name}\nPin: version ${version}\nPin-Priority: ${priority}\n`)
    .join('\n');
