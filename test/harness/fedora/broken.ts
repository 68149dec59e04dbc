import type { RpmSource } from './wrap-debs.ts';

/** Packages with which an installation goes wrong, each in its own way. */
export const brokenPackages: readonly RpmSource[] = [
  { name: 'healthy', version: '1' },
  { name: 'broken-requires', version: '1', requires: ['nothing-provides-this'] },
  { name: 'broken-pre', version: '1', scriptlets: { pre: 'echo "pre: no"; exit 1' } },
  // dnf ends with 0 all the same, and rpm counts the package as installed.
  { name: 'broken-post', version: '1', scriptlets: { post: 'echo "post: no"; exit 1' } },
  { name: 'slow-post', version: '1', scriptlets: { post: 'sleep 5' } },
];
