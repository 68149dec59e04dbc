import type { Architecture } from './pins.ts';
import type { Work } from './report.ts';
import { redisImage } from './walkthrough/image.ts';
import { type Registry, serveImage } from './walkthrough/registry.ts';

/** Name of the image in the registry that `serveWalkthroughImage` starts. */
export const walkthroughImage = { repository: 'crio/redis', tag: 'alpine' } as const;

/**
 * Serves the image of the redis walk-through as `crio/redis:alpine` on this machine's loopback. It is
 * built from the distribution's redis package where the cache does not hold it; redis has run once before
 * anything is served.
 */
export async function serveWalkthroughImage(
  options: Work & { readonly arch: Architecture },
): Promise<Registry> {
  const image = await redisImage(options.arch, options);
  return serveImage(walkthroughImage.repository, walkthroughImage.tag, image);
}
