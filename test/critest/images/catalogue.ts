import type { OciImageConfig } from '../../../runtime/spec/oci/image.ts';
import { type BuiltImage, buildImage, buildLayer } from '../../harness/oci-image.ts';
import type { Layers } from './layers.ts';
import { text } from './members.ts';

type Config = OciImageConfig['config'];

/** The registries that critest names. Whoever runs critest sends them all to one of its own. */
export const REGISTRIES = ['registry.k8s.io', 'k8s.gcr.io', 'gcr.io', 'public.ecr.aws'] as const;

const STAGING = 'k8s-staging-cri-tools';
const E2E = 'e2e-test-images';
const LISTED = 'docker/library';

/** Images as critest 1.37 asks for them: `repository:tag` → image. */
export const critestImages = ({
  base,
  nginx,
  httpd,
  nonewprivs,
}: Layers): ReadonlyMap<string, BuiltImage> => {
  const busybox = (name: string, config: Config = {}): BuiltImage =>
    buildImage({
      // Each image of its own, as those of critest are: what removes one must not remove another.
      layers: [base, buildLayer([text('etc/image', `${name}\n`)])],
      config: { Env: [PATH], Cmd: ['sh'], ...config },
    });
  const images = new Map<string, BuiltImage>();
  const add = (name: string, image: BuiltImage = busybox(name)): void => void images.set(name, image);

  add(`${E2E}/busybox:1.29-2`);
  add(`${E2E}/nginx:1.14-2`, buildImage({ layers: [base, nginx], config: web('nginx') }));
  add(`${E2E}/httpd:2.4.39-4`, buildImage({ layers: [base, httpd], config: web(...HTTPD) }));
  add(
    `${E2E}/nonewprivs:1.3`,
    buildImage({ layers: [base, nonewprivs], config: { Entrypoint: ['/bin/nonewprivs'] } }),
  );
  add('pause:3.9', busybox('pause', { Cmd: ['sleep', 'infinity'] }));

  for (const number of [1, 2, 3]) add(`${STAGING}/test-image-${number}:latest`);
  const tagged = busybox('tags');
  for (const tag of [1, 2, 3]) add(`${STAGING}/test-image-tags:${tag}`, tagged);
  for (const name of ['test-image-tag:test', 'test-image-tag:all', 'test-image-latest:latest'])
    add(`${STAGING}/${name}`);
  for (const [name, User] of Object.entries(USERS)) add(`${STAGING}/${name}:latest`, busybox(name, { User }));
  add(
    `${STAGING}/hostnet-nginx-${process.arch === 'x64' ? 'amd64' : process.arch}:latest`,
    buildImage({ layers: [base, nginx], config: web('nginx', '-c', '/etc/nginx/host-network.conf') }),
  );
  for (const tag of ['1.35.0-glibc', '1', '1-uclibc', '1-glibc', '1-musl']) add(`${LISTED}/busybox:${tag}`);
  return images;
};

const PATH = 'PATH=/usr/sbin:/usr/bin:/sbin:/bin';
const HTTPD = ['httpd', '-D', 'FOREGROUND', '-f', '/etc/httpd/httpd.conf'];
const web = (...command: string[]): Config => ({ Env: [PATH], Cmd: command });

const USERS = {
  'test-image-user-uid': '1002',
  'test-image-user-username': 'www-data',
  'test-image-user-uid-group': '1003:users',
  'test-image-user-username-group': 'www-data:www-data',
  'test-image-predefined-group': '1000',
} as const;
