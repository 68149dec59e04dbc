import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { OciImageConfig } from '../../runtime/spec/oci/image.ts';
import { buildImage, buildLayer, type LayerBlob, pushImage } from './oci-image.ts';
import { startRegistry, type TestRegistry } from './registry.ts';
import type { TarMember } from './tar.ts';

const BUSYBOX = '/bin/busybox';

/** The distribution's static busybox with its applets, users and a few folders. */
const members = (): readonly TarMember[] => [
  ...['bin', 'etc', 'tmp', 'proc', 'sys', 'dev', 'home'].map((path) => ({ path, flag: '5', mode: 0o755 })),
  { path: 'bin/busybox', body: readFileSync(BUSYBOX), mode: 0o755 },
  ...applets().map((name) => ({ path: `bin/${name}`, flag: '2', target: 'busybox' })),
  { path: 'etc/passwd', body: 'root:x:0:0:root:/:/bin/sh\nfisher:x:1200:1300::/home:/bin/sh\n', mode: 0o644 },
  { path: 'etc/group', body: 'root:x:0:\nfisher:x:1300:\nboats:x:1400:fisher\n', mode: 0o644 },
];

const applets = (): readonly string[] =>
  execFileSync(BUSYBOX, ['--list'], { encoding: 'utf8' })
    .split('\n')
    .filter((name) => name !== '' && name !== 'busybox');

/** The layer that has all of it, for images with more on top. */
export const busyboxLayer = (): LayerBlob => buildLayer(members());

export interface BusyboxRegistry {
  readonly registry: TestRegistry;
  /** `127.0.0.1:port/test/busybox:1`. */
  readonly image: string;
  /** registries.conf for a node that pulls from it. */
  readonly registries: string;
}

/** A registry on loopback that serves busybox, its image configured as asked. */
export const startBusyboxRegistry = async (
  config: OciImageConfig['config'] = { Cmd: ['sleep', '1000000'], Env: ['PATH=/bin'] },
): Promise<BusyboxRegistry> => {
  const registry = await startRegistry();
  try {
    const target = { host: registry.host, repository: 'test/busybox' };
    await pushImage(target, '1', buildImage({ layers: [busyboxLayer()], config }));
  } catch (error) {
    await registry.stop();
    throw error;
  }
  return {
    registry,
    image: `${registry.host}/test/busybox:1`,
    registries: `[[registry]]\nlocation = "${registry.host}"\ninsecure = true\n`,
  };
};
