import { fileAt } from '../host/facts/files.ts';
import type { Facts } from '../host/facts/probe.ts';
import { localContextsFile } from '../resources/entry.ts';
import type { Resource } from '../resources/resource.ts';
import type { Concern, Given } from './concern.ts';
import type { EngineName } from './engines.ts';
import { placesOn } from './places.ts';

const runtimeType = 'container_runtime_exec_t';
const stateType = 'container_var_lib_t';

/**
 * systemd starts `node` as an entry point of the container runtime's domain, which may start containers; without the type
 * it would stay in a domain that may not. What the daemon makes in /run gets its type from the policy itself.
 */
const contextsOf = (programs: readonly Program[], { releases }: Facts, engine: EngineName) => [
  ...(engine === 'berth'
    ? [
        { pattern: `${releases.root}/[^/]+/node`, type: runtimeType },
        { pattern: '/var/lib/berth(/.*)?', type: stateType },
      ]
    : []),
  ...programs.map(({ path }) => ({ pattern: path, type: runtimeType })),
];

/** A program that starts containers and that no package labels. */
interface Program {
  readonly path: string;
  /** The plan writes it: the new file has the label of its folder. */
  readonly rewritten: boolean;
}

/** conmon and pinns are started by the engine and start nothing that the policy would have to know. */
const starters = ['crio', 'runc', 'crun', 'runsc'];

function programsOf({ facts, supplies }: Given): Program[] {
  const folder = placesOn(facts).programs;
  return (['cri-o', 'runc', 'crun', 'runsc'] as const)
    .flatMap((name) => supplies.artifacts.get(name)?.files ?? [])
    .filter(({ name }) => starters.includes(name))
    .map(({ name, sha256 }) => {
      const now = fileAt(facts.files, `${folder}/${name}`);
      return { path: `${folder}/${name}`, rewritten: now.kind !== 'file' || now.sha256 !== sha256 };
    });
}

/** The policy for containers is a package of the Fedora family; other distributions have none that knows these types. */
const policyPackage = 'container-selinux';

export const selinuxPackages = ({ health, packages }: Facts): readonly string[] =>
  health.selinux !== undefined && packages.manager === 'dnf' ? [policyPackage] : [];

export const selinux: Concern = {
  asks: () => ({ files: [localContextsFile], packages: { apt: [], dnf: [policyPackage] } }),
  resources: (given) => {
    const { spec, facts, supplies } = given;
    const { selinux: mode } = facts.health;
    if (mode === undefined) return { resources: [] };
    if (facts.packages.manager !== 'dnf')
      return {
        resources: [],
        notes: [
          'SELinux is on, and this distribution has no policy for containers: berth labels nothing here',
        ],
      };
    const programs = programsOf(given);
    const labels = [
      ...(spec.engine.name === 'berth' ? labelled(supplies.release.version, facts) : []),
      ...programs.map(
        ({ path, rewritten }): Resource => ({
          kind: 'context',
          path,
          type: runtimeType,
          ...(rewritten ? { rewritten } : {}),
        }),
      ),
    ];
    if (!mode.semanage)
      return {
        resources: labels,
        notes: [
          'semanage is missing: a relabel of the file system undoes the labels of berth; install policycoreutils-python-utils and apply again',
        ],
      };
    const entries = contextsOf(programs, facts, spec.engine.name).map(
      ({ pattern, type }): Resource => ({ kind: 'entry', system: 'fcontext', name: pattern, value: type }),
    );
    return { resources: [...entries, ...labels] };
  },
};

/** The state folder is made by the daemon: what is not there yet will be right from its start. */
const labelled = (version: string, { health, releases }: Facts): Resource[] => [
  { kind: 'context', path: `${releases.root}/${version}/node`, type: runtimeType },
  ...(health.selinux?.types.has('/var/lib/berth')
    ? [{ kind: 'context', path: '/var/lib/berth', type: stateType } as const]
    : []),
];
