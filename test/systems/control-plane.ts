import { execFile } from 'node:child_process';
import { access, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { basename, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { stagedGoMod } from '../../src/artifacts/staged-module.ts';
import { busyboxLayer } from '../harness/busybox-image.ts';
import { buildImage, buildLayer, pushImage } from '../harness/oci-image.ts';
import { startRegistry } from '../harness/registry.ts';

/*
 * The control plane of a real cluster: programs built from the modules of their projects, each in an image of its own, on a
 * registry of this machine that an embedded host reaches.
 */

const run = promisify(execFile);
const cache = resolve(import.meta.dirname, '../../node_modules/.cache/berth-test');

/** The release that profiles get; its module says which etcd kubeadm wants. */
const kubernetes = '1.37.2';
const etcd = '3.7.0';

interface Program {
  readonly name: string;
  readonly package: string;
  readonly version: string;
  readonly goMod: () => Promise<string>;
  readonly flags: readonly string[];
  readonly tag: string;
}

const kubernetesMod = async (): Promise<string> => {
  const { stdout } = await run('go', ['mod', 'download', '-json', `k8s.io/kubernetes@v${kubernetes}`], {
    cwd: cache,
  });
  const { Dir } = JSON.parse(stdout) as { Dir: string };
  const goMod = await readFile(join(Dir, 'go.mod'), 'utf8');
  return stagedGoMod(goMod, 'k8s.io/kubernetes', kubernetes, `v0${kubernetes.slice(1)}`);
};

const etcdMod = async (): Promise<string> =>
  `module build.invalid/etcd\ngo 1.26.0\nrequire go.etcd.io/etcd/server/v3 v${etcd}\n`;

const versionFlags = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((name) => {
  const [major, minor] = kubernetes.split('.');
  return [
    `-X ${name}.gitVersion=v${kubernetes}`,
    `-X ${name}.gitMajor=${major}`,
    `-X ${name}.gitMinor=${minor}`,
    `-X ${name}.gitTreeState=archive`,
  ];
});

const programs: readonly Program[] = [
  ...['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'].map((name) => ({
    name,
    package: `k8s.io/kubernetes/cmd/${name}`,
    version: kubernetes,
    goMod: kubernetesMod,
    flags: versionFlags,
    tag: `v${kubernetes}`,
  })),
  {
    name: 'etcd',
    package: 'go.etcd.io/etcd/server/v3',
    version: etcd,
    goMod: etcdMod,
    flags: [],
    tag: `${etcd}-0`,
  },
];

/** Built once on a machine; a cold build of all of them takes half an hour on two busy cores. */
const built = async ({ name, package: source, version, goMod, flags }: Program): Promise<string> => {
  const binary = join(cache, `${name}-${version}`);
  const isThere = await access(binary).then(
    () => true,
    () => false,
  );
  if (isThere) return binary;
  const module = join(cache, `${basename(source)}-module-${version}`);
  await mkdir(module, { recursive: true });
  await writeFile(join(module, 'go.mod'), await goMod());
  const staged = `${binary}.${process.pid}`;
  const ldflags = ['-s -w', ...flags].join(' ');
  await run('nice', ['go', 'build', '-mod=mod', `-ldflags=${ldflags}`, '-o', staged, source], {
    cwd: module,
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-trimpath -modcacherw' },
    maxBuffer: 64 << 20,
  });
  await rename(staged, binary);
  return binary;
};

/** A static program and nothing else: its image has no shell that would hide what it lacks. */
const imageOf = async (program: Program) =>
  buildImage({
    layers: [
      buildLayer([
        ...['usr', 'usr/local', 'usr/local/bin', 'tmp', 'etc'].map((path) => ({
          path,
          flag: '5',
          mode: 0o755,
        })),
        { path: `usr/local/bin/${program.name}`, body: await readFile(await built(program)), mode: 0o755 },
      ]),
    ],
    config: { Entrypoint: [`/usr/local/bin/${program.name}`], Env: ['PATH=/usr/local/bin'] },
  });

interface ServedImages {
  /** `ADDRESS:PORT`, reached from the host. */
  readonly registry: string;
  /** Prefix for kubeadm. */
  readonly repository: string;
  /** An image with a shell and a web server. */
  readonly busybox: string;
  stop(): Promise<void>;
}

/** Serves the images on `address`, which the host reaches: those of the control plane, or busybox alone. */
export async function serveImages(
  address: string,
  { controlPlane }: { readonly controlPlane: boolean },
): Promise<ServedImages> {
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
    for (const program of controlPlane ? programs : [])
      await pushImage(
        { host: registry.host, repository: `k8s/${program.name}` },
        program.tag,
        await imageOf(program),
      );
    await pushImage(
      { host: registry.host, repository: 'test/busybox' },
      '1',
      buildImage({ layers: [busyboxLayer()], config: { Cmd: ['sleep', '1000000'], Env: ['PATH=/bin'] } }),
    );
  } catch (error) {
    await stop();
    throw error;
  }
  const host = `${address}:${port}`;
  return { registry: host, repository: `${host}/k8s`, busybox: `${host}/test/busybox:1`, stop };
}
