import type { LockInUse } from './lock/in-use.ts';
import type { Architecture } from './pins.ts';
import type { Work } from './report.ts';
import { supplyImage } from './supply/image.ts';
import { type ImageServing, servingOf } from './walkthrough/registry.ts';

/** Name of the image in the registries that serve it. */
const name = { repository: 'crio/redis', tag: 'alpine' } as const;

type Options = Work & { readonly arch: Architecture; readonly lock?: LockInUse | undefined };

/** Makes sure that the cache holds the image of the redis walk-through. */
export async function prepareWalkthroughImage(options: Options): Promise<void> {
  await supplyImage(options.arch, options, options.lock);
}

/**
 * The image of the redis walk-through, to be served as `crio/redis:alpine` on this machine's loopback. It is built from
 * the distribution's redis package where the cache does not hold it; redis has run once before anything is served.
 */
export async function walkthroughImageServing(options: Options): Promise<ImageServing> {
  return servingOf(name.repository, name.tag, await supplyImage(options.arch, options, options.lock));
}
