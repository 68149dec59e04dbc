import { pushImage } from '../harness/oci-image.ts';
import { startRegistry } from '../harness/registry.ts';
import { critestImages, REGISTRIES } from './images/catalogue.ts';
import type { Layers } from './images/layers.ts';

export interface CritestRegistry {
  /** registries.conf that sends what critest pulls here, by the names that critest uses. */
  readonly registries: string;
  stop(): Promise<void>;
}

/** A registry on loopback with all images that critest pulls, except the one that it names by a digest. */
export const startCritestRegistry = async (layers: Layers): Promise<CritestRegistry> => {
  const images = critestImages(layers);
  const { host, stop } = await startRegistry();
  try {
    let from = {};
    for (const [name, image] of images) {
      const [repository = '', tag = ''] = name.split(':');
      await pushImage({ host, repository, ...from }, tag, image);
      from = { from: repository };
    }
  } catch (error) {
    await stop();
    throw error;
  }
  const registries = REGISTRIES.map(
    (prefix) => `[[registry]]\nprefix = "${prefix}"\nlocation = "${host}"\ninsecure = true\n`,
  ).join('');
  return { registries, stop };
};
