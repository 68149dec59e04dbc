import type { RpmSource } from './wrap-debs.ts';

/** A script of `broken-post` that fails until somebody repairs the host. */
export const repairedMark = '/srv/repaired';

/** While it is there, the script of `slow-post` does not end. */
export const holdMark = '/srv/hold';

/** Packages with which an installation goes wrong, each in its own way. */
export const brokenPackages: readonly RpmSource[] = [
  { name: 'broken-requires', version: '1', requires: ['nothing-provides-this'] },
  { name: 'broken-pre', version: '1', scriptlets: { pre: 'exit 1' } },
  // dnf ends with 0 all the same, and rpm counts the package as installed.
  { name: 'broken-post', version: '1', scriptlets: { post: `test -e ${repairedMark}` } },
  // Holds rpm's lock for as long as somebody wants.
  { name: 'slow-post', version: '1', scriptlets: { post: `while [ -e ${holdMark} ]; do sleep 0.2; done` } },
];

/** Signed, in a repository that names the key of somebody else. */
export const signedPackages: readonly RpmSource[] = [{ name: 'signed', version: '1' }];

/** Needs what came with a package of a node. */
export const neighbourPackages: readonly RpmSource[] = [
  { name: 'neighbour', version: '1', requires: ['libjq1'] },
];
