import { fileAt } from '../host/facts/files.ts';
import type { Facts } from '../host/facts/probe.ts';
import type { KubernetesSpec, Spec } from '../profile/profile.ts';
import type { Resource } from '../resources/resource.ts';
import { type Concern, type Given, rendered } from './concern.ts';
import { isMember, memberFiles, requireServed } from './membership.ts';
import { everyPlace, placesOn } from './places.ts';

/** Of one release, each on its own: a node needs all three. */
export const kubernetesPrograms = ['kubelet', 'kubeadm', 'kubectl'] as const;

export const kubelet = 'kubelet.service';
const unitFile = `/etc/systemd/system/${kubelet}`;
const dropIns = `${unitFile}.d`;
const kubeadmDropIn = `${dropIns}/10-kubeadm.conf`;
const ownDropIn = `${dropIns}/20-berth.conf`;
const configFolder = '/etc/kubernetes/kubelet.conf.d';
const config = `${configFolder}/50-berth.conf`;
/** What systemd-resolved gives programs that cannot ask it itself. */
const resolved = '/run/systemd/resolve/resolv.conf';

/** The name of the engine's unit, or of its alias: it is the same whichever engine is installed. */
const runtimeUnit = 'crio.service';
export const criSocket = 'unix:///var/run/crio/crio.sock';

/** Where packages of Kubernetes have their programs. */
const packaged = '/usr/bin';

/** Where kubelet, kubeadm and kubectl lie on this host. */
export const programsOn = ({ source }: Pick<KubernetesSpec, 'source'>, facts: Facts): string =>
  source === 'packages' ? packaged : placesOn(facts).programs;

const everyProgram = (): string[] =>
  everyPlace('programs').flatMap((folder) => kubernetesPrograms.map((name) => `${folder}/${name}`));

export const kubernetes: Concern = {
  asks: ({ kubernetes: wanted }) =>
    wanted === undefined
      ? {}
      : {
          files: [...everyProgram(), unitFile, kubeadmDropIn, ownDropIn, config, resolved, ...memberFiles],
          units: [kubelet],
        },
  resources: (given) => {
    const { kubernetes: wanted } = given.spec;
    if (wanted === undefined) return { resources: [] };
    requireServed(wanted, given.facts);
    return { resources: resourcesOf(wanted, given), notes: notesOf(given) };
  },
};

const resourcesOf = (wanted: KubernetesSpec, given: Given): Resource[] => {
  const { facts, render } = given;
  const path = `${programsOn(wanted, facts)}/kubelet`;
  const member = wanted.role !== 'standalone';
  const file = (path: string, values: Readonly<Record<string, unknown>>): Resource =>
    rendered(render, path, values, { readBy: [kubelet] });
  return [
    ...programs(wanted, given),
    ...(wanted.source === 'artifacts' ? [file(unitFile, { kubelet: path })] : []),
    ...(wanted.source === 'artifacts' && member
      ? [file(kubeadmDropIn, { extra: extraArguments(facts) })]
      : []),
    file(ownDropIn, { kubelet: path, member, configFolder, runtimeUnit }),
    file(config, kubeletValues(wanted, given)),
    {
      kind: 'unit',
      name: kubelet,
      file: ownDropIn,
      reads: [`${configFolder}/`, `${dropIns}/`],
      // kubeadm starts it when it has told it which cluster it belongs to.
      ...(member && !isMember(facts) ? { startedByOthers: true } : {}),
    },
  ];
};

const programs = ({ source }: KubernetesSpec, { facts, supplies }: Given): Resource[] =>
  source === 'packages'
    ? []
    : kubernetesPrograms.flatMap((name) =>
        (supplies.artifacts.get(name)?.files ?? []).map(
          ({ path, sha256, bytes }): Resource => ({
            kind: 'file',
            path: `${placesOn(facts).programs}/${name}`,
            content: { kind: 'local-file', path, sha256, bytes },
            mode: 0o755,
            ...(name === 'kubelet' ? { readBy: [kubelet] } : {}),
          }),
        ),
      );

/** Where the packages of Kubernetes let people add to the command line, on this distribution. */
const extraArguments = ({ packages: { manager } }: Facts): string =>
  manager === 'dnf' ? '/etc/sysconfig/kubelet' : '/etc/default/kubelet';

/** What agrees with the runtime and with the host; the rest is the cluster's, which kubeadm writes. */
const kubeletValues = (wanted: KubernetesSpec, { spec, facts }: Given) => ({
  socket: criSocket,
  // crio.conf.d/20-berth.conf says the same to the engine.
  cgroupDriver: 'systemd',
  cgroupV1: hasCgroupV1(facts),
  resolvConf: fileAt(facts.files, resolved).kind === 'file' ? resolved : '',
  keepsSwap: spec.swap === 'keep',
  maxPods: wanted.kubelet.maxPods,
  standalone: wanted.role === 'standalone',
});

const hasCgroupV1 = ({ system }: Facts): boolean => system.cgroup !== 'v2';

const notesOf = ({ facts, spec }: Given): string[] => [
  ...(hasCgroupV1(facts)
    ? [
        'the host has cgroup v1: the kubelet is told to run there all the same (failCgroupV1: false), and a later release will not; boot with systemd.unified_cgroup_hierarchy=1',
      ]
    : []),
  ...(isUnready(spec, facts)
    ? ['the host is prepared; berth kubernetes up makes it a node of the cluster']
    : []),
];

const isUnready = ({ kubernetes: wanted }: Spec, facts: Facts): boolean =>
  (wanted?.role === 'control-plane' || wanted?.role === 'worker') && !isMember(facts);
