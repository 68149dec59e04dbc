import { entriesOf, fileAt } from '../../host/facts/files.ts';
import type { Facts } from '../../host/facts/probe.ts';
import { daemonOf, daemons } from '../engines.ts';
import type { Cause, Examined } from './cause.ts';
import { inDepth } from './cause.ts';

const cniFolder = '/etc/cni/net.d';
const crioFolder = '/etc/crio/crio.conf.d';

/** Units of other container runtimes. berthd answers to CRI-O's name too: the program of the process tells them apart. */
export const runtimeUnits = ['crio.service', 'containerd.service', 'docker.service'] as const;

/** What the doctor looks at in the probe of an apply too. */
export const watchedUnits = [...runtimeUnits, 'kubelet.service'];

const activeRuntimes = ({ units, releases }: Facts): { unit: string; program: string }[] =>
  runtimeUnits.flatMap((unit) => {
    const fact = units.get(unit);
    const program = fact?.mainProcess?.executable ?? '';
    return fact?.activeState === 'active' && !program.startsWith(`${releases.root}/`)
      ? [{ unit, program }]
      : [];
  });

/** CRI-O may be the engine that the profile wants. */
const isForeignTo =
  ({ engine }: Examined['spec']) =>
  ({ unit }: { readonly unit: string }): boolean =>
    unit !== daemons[engine.name];

/** Name of the network in a CNI configuration; undefined for what is none. */
function networkName(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    const document: unknown = JSON.parse(text);
    const name =
      typeof document === 'object' && document !== null ? Reflect.get(document, 'name') : undefined;
    return typeof name === 'string' ? name : undefined;
  } catch {
    // What is no JSON names no network: the runtime passes it over too.
    return undefined;
  }
}

export const foreignCni: Cause = {
  code: 'BD001',
  name: 'foreign-cni-configuration',
  why: 'Programs that take the first configuration of the folder, and every runtime for which the network has the same name, connect pods to a network that is not the one of the profile.',
  find: ({ spec, facts }) => {
    const [network] = spec.cni.networks;
    if (network === undefined) return [];
    const ours = spec.cni.networks.map(({ name }, index) => `${10 + index}-${name}.conflist`);
    const foreign = entriesOf(facts.files, cniFolder).filter(
      (name) =>
        /\.(conf|conflist|json)$/.test(name) &&
        !ours.includes(name) &&
        !facts.install.applied.has(`${cniFolder}/${name}`) &&
        name < (ours[0] ?? ''),
    );
    const others = activeRuntimes(facts);
    return foreign.map((name) => {
      const path = `${cniFolder}/${name}`;
      const file = fileAt(facts.files, path);
      const named = networkName(file.kind === 'file' ? file.text : undefined);
      const same = named === network.name;
      const evidence = `${path}${named === undefined ? '' : ` (network ${named})`} sorts before ${ours[0]}`;
      const users = others.map(({ unit }) => unit).join(', ');
      return {
        level: same ? ('error' as const) : ('warning' as const),
        evidence: same ? `${evidence} and has the same name` : evidence,
        remedy: `Remove ${path}, or rename it so that it sorts last.${users === '' ? '' : ` It may be in use by ${users}.`}`,
        ...(others.length > 0 || file.kind !== 'file'
          ? {}
          : {
              fix: [
                {
                  id: `file:${path}`,
                  action: 'delete' as const,
                  summary: `delete ${path}; reset puts it back`,
                  origins: [{ kind: 'fix' as const, name: path }],
                  steps: [{ kind: 'delete' as const, path }],
                },
              ],
            }),
      };
    });
  },
};

export const foreignRuntime: Cause = {
  code: 'BD002',
  name: 'foreign-runtime',
  why: 'Two runtimes on one node compete for the socket, for cgroups and for the packet filter, and a kubelet sees the pods of one of them only.',
  beforeChanges: true,
  find: (examined) => [
    ...activeRuntimes(examined.facts)
      .filter(isForeignTo(examined.spec))
      .map(({ unit, program }) => ({
        level: unit === 'crio.service' ? ('error' as const) : ('info' as const),
        evidence: `${unit} is active${program === '' ? '' : ` (${program})`}`,
        remedy:
          unit === 'crio.service'
            ? 'berth apply ends its pods, stops it and takes its socket; drain the node before.'
            : `If nothing needs it: systemctl disable --now ${unit}`,
      })),
    ...inDepth(({ listeners }, { facts, spec }) => {
      const service = daemonOf(spec).replace('.service', '');
      const daemon = facts.units.get(daemonOf(spec))?.mainProcess?.pid;
      return listeners
        .filter(({ pid }) => pid !== daemon)
        .map(({ program, pid }) => ({
          level: 'error',
          evidence: `${program} (pid ${pid}) listens on /run/crio/crio.sock, and is not the service ${service}`,
          remedy: `End it, then: systemctl restart ${service}`,
        }));
    })(examined),
  ],
};

/** A drop-in of crio.conf has crun make the cgroups, and not systemd. */
const makesOwnCgroups = ({ files }: Facts): boolean =>
  entriesOf(files, crioFolder).some((name) => {
    const file = fileAt(files, `${crioFolder}/${name}`);
    return file.kind === 'file' && /^\s*cgroup_manager\s*=\s*"cgroupfs"/m.test(file.text ?? '');
  });

/** Seen with crun 1.8 and systemd 252: the scope is made in systemd's own hierarchy alone, and crun falls back to one cgroup. */
export const sharedCgroup: Cause = {
  code: 'BD033',
  name: 'cgroup-shared',
  why: 'In a container on cgroup v1 systemd makes no cgroups of controllers; crun, which leaves that to systemd, puts all containers into one, and ends all of them when one is removed.',
  beforeChanges: true,
  find: ({ spec, facts }) => {
    const { container, cgroup } = facts.system;
    const isCrun = spec.ociRuntimes.some(({ name }) => name === 'crun');
    if (!isCrun || container === '' || cgroup === 'v2' || makesOwnCgroups(facts)) return [];
    return [
      {
        level: 'error',
        evidence: `crun starts containers, and the host is a container (${container}) on cgroup ${cgroup}`,
        remedy:
          'Take runc, boot the machine around this host with cgroup v2, or set cgroup_manager = "cgroupfs" in a drop-in of /etc/crio/crio.conf.d (spec.templates can bring one).',
      },
    ];
  },
};
