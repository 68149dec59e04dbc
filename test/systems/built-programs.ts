import { execFile } from 'node:child_process';
import { access, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { stagedGoMod } from '../../src/artifacts/staged-module.ts';

/* The programs of a real cluster, built from the modules of their projects. */

const run = promisify(execFile);
export const cache = resolve(import.meta.dirname, '../../node_modules/.cache/berth-test');

/** The release that profiles get; its module says which etcd, CoreDNS and pause kubeadm wants. */
const kubernetes = '1.37.2';
const etcd = '3.7.0';
const coreDns = '1.14.6';
/** Of the image of that name, which no program of these is. */
export const pause = '3.10.2';

interface Buildable {
  readonly name: string;
  readonly version: string;
  readonly goMod: () => Promise<string>;
  /** A package that is a program, or the text of one. */
  readonly source: { readonly package: string } | { readonly main: string };
  readonly flags: readonly string[];
  /** What must lie in the folder of the module that builds it. */
  readonly prepare?: (folder: string) => Promise<void>;
}

/** One of a cluster. */
export interface Program extends Buildable {
  /** Of the image that kubeadm looks for. */
  readonly tag: string;
}

/** The folder of a module's source, from the module proxy. */
export const sourceOf = async (module: string): Promise<string> => {
  const { stdout } = await run('go', ['mod', 'download', '-json', module], { cwd: cache });
  const { Dir } = JSON.parse(stdout) as { Dir: string };
  return Dir;
};

const kubernetesMod = async (): Promise<string> => {
  const goMod = await readFile(join(await sourceOf(`k8s.io/kubernetes@v${kubernetes}`), 'go.mod'), 'utf8');
  return stagedGoMod(goMod, 'k8s.io/kubernetes', kubernetes, `v0${kubernetes.slice(1)}`);
};

const requiring = (name: string, module: string, version: string) => async (): Promise<string> =>
  `module build.invalid/${name}\ngo 1.26.0\nrequire ${module} v${version}\n`;

const versionFlags = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((name) => {
  const [major, minor] = kubernetes.split('.');
  return [
    `-X ${name}.gitVersion=v${kubernetes}`,
    `-X ${name}.gitMajor=${major}`,
    `-X ${name}.gitMinor=${minor}`,
    `-X ${name}.gitTreeState=archive`,
  ];
});

const ofKubernetes = (name: string): Program => ({
  name,
  version: kubernetes,
  tag: `v${kubernetes}`,
  goMod: kubernetesMod,
  source: { package: `k8s.io/kubernetes/cmd/${name}` },
  flags: versionFlags,
});

export const controlPlane: readonly Program[] = [
  ...['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'].map(ofKubernetes),
  {
    name: 'etcd',
    version: etcd,
    tag: `${etcd}-0`,
    goMod: requiring('etcd', 'go.etcd.io/etcd/server/v3', etcd),
    source: { package: 'go.etcd.io/etcd/server/v3' },
    flags: [],
  },
];

export const kubeProxy = ofKubernetes('kube-proxy');

/** With the plugins that the Corefile of kubeadm names, as CoreDNS' own documentation has it built; all of them take ten minutes. */
export const dns: Program = {
  name: 'coredns',
  version: coreDns,
  tag: `v${coreDns}`,
  goMod: requiring('coredns', 'github.com/coredns/coredns', coreDns),
  source: {
    main: `package main

import (
	"github.com/coredns/coredns/coremain"
${['cache', 'errors', 'forward', 'health', 'kubernetes', 'loadbalance', 'loop', 'metrics', 'ready', 'reload']
  .map((plugin) => `\t_ "github.com/coredns/coredns/plugin/${plugin}"`)
  .join('\n')}
)

func main() { coremain.Run() }
`,
  },
  flags: [],
};

const minikubeVersion = '1.38.1';
const minikubeModule = `k8s.io/minikube@v${minikubeVersion}`;

/** minikube without its driver for KVM, which needs a library of C. */
export const minikube: Buildable = {
  name: 'minikube',
  version: minikubeVersion,
  goMod: async () =>
    `${await requiring('minikube', 'k8s.io/minikube', minikubeVersion)()}replace k8s.io/minikube => ./source\n`,
  source: { package: 'k8s.io/minikube/cmd/minikube' },
  flags: [`-X k8s.io/minikube/pkg/version.version=v${minikubeVersion}`],
  prepare: async (folder) => {
    const source = join(folder, 'source');
    await rm(source, { recursive: true, force: true });
    await run('cp', ['-r', '--no-preserve=mode', await sourceOf(minikubeModule), source]);
    await rm(join(source, 'pkg/minikube/registry/drvs/kvm2/kvm2.go'));
  },
};

/** Built once on a machine; a cold build of all of them takes half an hour on two busy cores. */
export const built = async ({ name, version, goMod, source, flags, prepare }: Buildable): Promise<string> => {
  const binary = join(cache, `${name}-${version}`);
  if (await isThere(binary)) return binary;
  const module = join(cache, `${name}-module-${version}`);
  await mkdir(module, { recursive: true });
  await writeFile(join(module, 'go.mod'), await goMod());
  await prepare?.(module);
  if ('main' in source) await writeFile(join(module, 'main.go'), source.main);
  const staged = `${binary}.${process.pid}`;
  const ldflags = ['-s -w', ...flags].join(' ');
  const what = 'main' in source ? '.' : source.package;
  await run('nice', ['go', 'build', '-mod=mod', `-ldflags=${ldflags}`, '-o', staged, what], {
    cwd: module,
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-trimpath -modcacherw' },
    maxBuffer: 64 << 20,
  });
  await rename(staged, binary);
  await rm(module, { recursive: true, force: true });
  return binary;
};

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
