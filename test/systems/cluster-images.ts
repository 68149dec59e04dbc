import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { extractPackages, programs } from '../critest/images/packages.ts';
import { busyboxLayer } from '../harness/busybox-image.ts';
import { type BuiltImage, buildImage, buildLayer, type LayerBlob, pushImage } from '../harness/oci-image.ts';
import { startRegistry } from '../harness/registry.ts';
import { type TarMember, tarOf } from '../harness/tar.ts';
import { built, cache, controlPlane, dns, kubeProxy, type Program, pause } from './built-programs.ts';

/*
 * The images of a real cluster, on a registry of this machine that embedded hosts reach: each program in an image of its own.
 */

/** A static program and nothing else: its image has no shell that would hide what it lacks. */
const imageOf = async (program: Program, below: readonly LayerBlob[] = []): Promise<BuiltImage> =>
  buildImage({
    layers: [
      ...below,
      buildLayer([
        ...['usr', 'usr/local', 'usr/local/bin', 'tmp', 'etc'].map((path) => ({
          path,
          flag: '5',
          mode: 0o755,
        })),
        { path: `usr/local/bin/${program.name}`, body: await readFile(await built(program)), mode: 0o755 },
      ]),
    ],
    config: {
      Entrypoint: [`/usr/local/bin/${program.name}`],
      Env: ['PATH=/usr/local/bin:/usr/sbin:/sbin'],
    },
  });

/** What kube-proxy runs: the distribution's iptables, with everything that it loads. */
const iptablesLayer = async (): Promise<LayerBlob> => {
  const archive = join(cache, 'iptables-layer.tar');
  const made = await readFile(archive).catch(() => undefined);
  if (made !== undefined) return buildLayer(made);
  const staging = await mkdtemp(join(cache, 'iptables-layer.'));
  try {
    const root = join(staging, 'root');
    await extractPackages(root, ['iptables']);
    await writeFile(join(staging, 'layer.tar'), tarOf(await iptablesMembers(root)));
    await rename(join(staging, 'layer.tar'), archive);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  return buildLayer(await readFile(archive));
};

const iptablesMembers = async (root: string): Promise<TarMember[]> => {
  const main = 'usr/sbin/xtables-nft-multi';
  const folder = `usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/xtables`;
  const extensions = (await readdir(join(root, folder))).filter((name) => name.endsWith('.so'));
  const files = [main, ...extensions.map((name) => `${folder}/${name}`)];
  const names = ['iptables', 'ip6tables'].flatMap((name) => [name, `${name}-save`, `${name}-restore`]);
  return [
    ...(await programs(root, Object.fromEntries(files.map((path) => [path, path])))),
    ...names.map((name) => ({ path: `usr/sbin/${name}`, flag: '2', target: 'xtables-nft-multi' })),
  ];
};

type Kind = 'busybox' | 'control plane' | 'control plane and add-ons';

const imagesOf = async function* (kind: Kind): AsyncGenerator<readonly [Program, BuiltImage]> {
  if (kind === 'busybox') return;
  for (const program of controlPlane) yield [program, await imageOf(program)];
  if (kind === 'control plane') return;
  yield [kubeProxy, await imageOf(kubeProxy, [await iptablesLayer()])];
  yield [dns, await imageOf(dns)];
};

interface ServedImages {
  /** `ADDRESS:PORT`, reached from the hosts. */
  readonly registry: string;
  /** Prefix for kubeadm. */
  readonly repository: string;
  /** An image with a shell and a web server. */
  readonly busybox: string;
  stop(): Promise<void>;
}

/** Serves busybox and the images of `kind` on `address`, which the hosts reach. */
export async function serveImages(address: string, kind: Kind): Promise<ServedImages> {
  const registry = await startRegistry();
  const port = Number(registry.host.split(':')[1]);
  const front = createServer((near) => {
    const far = connect({ host: '127.0.0.1', port });
    near.pipe(far).pipe(near);
    for (const end of [near, far])
      end.on('error', () => {
        near.destroy();
        far.destroy();
      });
  });
  await new Promise<void>((done, fail) => front.once('error', fail).listen(port, address, done));
  const stop = async (): Promise<void> => {
    front.close();
    await registry.stop();
  };
  try {
    for await (const [{ name, tag }, image] of imagesOf(kind))
      await pushImage({ host: registry.host, repository: `k8s/${name}` }, tag, image);
    const busybox = buildImage({
      layers: [busyboxLayer()],
      config: { Cmd: ['sleep', '1000000'], Env: ['PATH=/bin'] },
    });
    await pushImage({ host: registry.host, repository: 'test/busybox' }, '1', busybox);
    // kubeadm pulls it, and berthd has no need of it: any image will do.
    await pushImage({ host: registry.host, repository: 'k8s/pause' }, pause, busybox);
  } catch (error) {
    await stop();
    throw error;
  }
  const host = `${address}:${port}`;
  return { registry: host, repository: `${host}/k8s`, busybox: `${host}/test/busybox:1`, stop };
}
