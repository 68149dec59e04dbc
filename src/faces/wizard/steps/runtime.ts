import { crictlFits } from '../../../profile/cluster-checks.ts';
import { knownKeys } from '../../../profile/known-keys.ts';
import { profileSchema } from '../../../profile/schema.ts';
import type { Path } from '../../../profile/tree.ts';
import { choicesAt, type Edit, knows, valueAt } from '../document.ts';
import {
  answered,
  answerOf,
  answerRow,
  type ChoiceRow,
  choiceRow,
  note,
  type PageRow,
  type SwitchRow,
  textRow,
  withAnswer,
} from '../rows.ts';
import { schemaRow } from '../schema-rows.ts';
import { metHosts, type WizardState } from '../state.ts';
import {
  crictlFor,
  crioFits,
  kubernetesVersion,
  minorOf,
  newestKubernetes,
  newestPinned,
} from '../versions.ts';
import { newestText, releaseNotes, releasesOf, releasesUnknown, unpublished } from './releases.ts';

const enginePath: Path = ['spec', 'engine'];
const runtimesPath: Path = ['spec', 'ociRuntimes'];
const crictlPath: Path = ['spec', 'crictl', 'version'];

const engineExplained = `What the kubelet and crictl talk to. berth is berth's own runtime: pods without a pause process,
and daemons that may be restarted or upgraded under running containers. cri-o is CRI-O.
Both read crio.conf and answer on the same socket. A change of engine ends the pods of a node.`;

const engineKeys = (): readonly string[] =>
  knownKeys(profileSchema, enginePath).filter((key) => key !== 'name');

/** Another engine than berth's own has a release, that of Kubernetes; one that was chosen before is taken again. */
const engineRow = (state: WizardState): ChoiceRow => {
  const row = choiceRow(state, { label: 'Engine', path: [...enginePath, 'name'], explain: engineExplained });
  const version = valueAt(state.sources, [...enginePath, 'version']);
  const choose = (value: string): WizardState => {
    const name: Edit = { kind: 'set', path: [...enginePath, 'name'], value };
    const rest = engineKeys().map((key): Edit => ({ kind: 'remove', path: [...enginePath, key] }));
    if (value === 'berth')
      return answered(withAnswer(state, 'engine version', String(version ?? '')), row.id, value, [
        ...rest,
        name,
      ]);
    const release = answerOf(state, 'engine version') || minorOf(kubernetesOf(state) ?? newestKubernetes());
    const set: Edit = { kind: 'set', path: [...enginePath, 'version'], value: version ?? release };
    return answered(state, row.id, value, [set, name]);
  };
  return { ...row, choose };
};

/** What the schema knows of the engine besides its name is asked where another engine than berth's own is chosen. */
const engineRows = (state: WizardState): PageRow[] => {
  const isOwn = valueAt(state.sources, [...enginePath, 'name']) === 'berth';
  return [
    engineRow(state),
    ...(isOwn ? [] : engineKeys().flatMap((key) => schemaRow(state, [...enginePath, key], `Engine ${key}`))),
  ];
};

interface Entry {
  readonly name: string;
  readonly form: unknown;
}

const runtimesIn = (state: WizardState): readonly Entry[] => {
  const list = valueAt(state.sources, runtimesPath);
  return Array.isArray(list)
    ? list.map((form: unknown) => ({
        form,
        name: String(typeof form === 'object' && form !== null && 'name' in form ? form.name : form),
      }))
    : [];
};

const defaultRow = (state: WizardState, known: readonly string[]): ChoiceRow => {
  const installed = runtimesIn(state);
  return {
    kind: 'choice',
    id: 'default-runtime',
    label: 'Default runtime',
    path: runtimesPath,
    explain: `Starts the containers of pods that ask for no RuntimeClass. runc is the reference; crun is smaller and
starts faster. Pods that ask for another one by name get it if it is switched on below.`,
    problem: state.drafts.get('default-runtime')?.problem,
    options: known,
    chosen: installed[0]?.name ?? '',
    choose: (option) => {
      const own = installed.find(({ name }) => name === option)?.form ?? { name: option };
      const others = installed.filter(({ name }) => name !== option).map(({ form }) => form);
      return answered(state, 'default-runtime', option, [
        { kind: 'set', path: runtimesPath, value: [own, ...others] },
      ]);
    },
  };
};

/** What runtimes are, for those who know them by name at most. */
const about: Readonly<Record<string, string>> = {
  runc: 'The reference of the OCI, written in Go: containers are processes of the host, in namespaces and cgroups. ',
  crun: 'Does what runc does, written in C: a pod starts sooner, with less memory. ',
  runsc: `gVisor: a kernel of its own in user space, between containers and that of the host. What breaks out of a
container meets it first; system calls are slower, and a few do not exist. `,
  kata: `Kata Containers: each pod gets a virtual machine. The node needs /dev/kvm; a pod starts later, and takes the
memory of its machine. `,
  'bwrap-oci': 'Containers by bubblewrap: without cgroups, so that no limit of a pod counts. ',
};

const crictlExplained = `crictl speaks with the runtime over the CRI: berth proves the node with it, and people look at pods by it.
It may be one minor version away from the kubelet; where the profile has Kubernetes, another one is refused.`;

const runtimeSwitch = (state: WizardState, name: string): SwitchRow => {
  const installed = runtimesIn(state);
  const index = installed.findIndex((entry) => entry.name === name);
  const id = `runtime:${name}`;
  const value = { name };
  return {
    kind: 'switch',
    id,
    label: index === 0 ? `${name} (the default)` : name,
    path: index < 0 ? runtimesPath : [...runtimesPath, index],
    explain: `${about[name] ?? ''}It becomes a handler of its name: a RuntimeClass with handler ${name} chooses it. Each one more is
one more to keep up to date on the node.`,
    problem: state.drafts.get(id)?.problem,
    on: index >= 0,
    flip: () =>
      answered(state, id, name, [
        index < 0
          ? { kind: 'set', path: [...runtimesPath, installed.length], value }
          : { kind: 'remove', path: [...runtimesPath, index] },
      ]),
  };
};

/** Versions and sources of the runtimes that are installed, where the schema knows such keys. */
const runtimeDetails = (state: WizardState): PageRow[] =>
  runtimesIn(state).flatMap(({ name }, index) =>
    knownKeys(profileSchema, [...runtimesPath, index])
      .filter((key) => key !== 'name')
      .flatMap((key) => {
        const path = [...runtimesPath, index, key];
        const row = schemaRow(state, path, `${name} ${key}`);
        return name === 'runc' && key === 'version' ? [...row, ...runcNotes(state, path)] : row;
      }),
  );

const runcNotes = (state: WizardState, path: Path): PageRow[] => {
  const version = valueAt(state.sources, path);
  return releaseNotes(state, 'runc', typeof version === 'string' ? version : undefined);
};

/** The Kubernetes version that everything must fit: of the profile, of the person, or of a kubelet that is there. */
export const kubernetesOf = (state: WizardState): string | undefined => {
  const path: Path = ['spec', 'kubernetes', 'version'];
  const inProfile = knows(path) ? valueAt(state.sources, path) : undefined;
  const typed = answerOf(state, 'kubernetes');
  const met = metHosts(state).flatMap(({ met: { kubelet } }) => kubelet ?? []);
  return kubernetesVersion(typeof inProfile === 'string' ? inProfile : typed === '' ? (met[0] ?? '') : typed);
};

const fitRow = (state: WizardState): PageRow =>
  answerRow(state, {
    id: 'kubernetes',
    label: 'For Kubernetes',
    empty: kubernetesOf(state) ?? 'such as 1.36',
    explain: `The Kubernetes that the hosts belong to, or will. It is not written into the profile here: it decides
which versions fit. crictl may be one minor version away from the kubelet; CRI-O has the kubelet's.`,
    problemIn: (text) =>
      kubernetesVersion(text) === undefined ? 'is no version of Kubernetes such as 1.36' : undefined,
  });

const crictlRows = (state: WizardState): PageRow[] => {
  const now = String(valueAt(state.sources, crictlPath) ?? '');
  const kubernetes = kubernetesOf(state);
  const newest = newestPinned('crictl');
  const best = kubernetes === undefined ? newest : crictlFor(kubernetes, releasesOf(state, 'crictl'));
  const fits = kubernetes === undefined || crictlFits(now, kubernetes);
  const out = newestText(state, 'crictl', kubernetes);
  return [
    textRow(state, { label: 'crictl', path: crictlPath, empty: newest ?? '', explain: crictlExplained }),
    note(
      [
        ...(out !== '' ? [out] : newest === undefined ? [] : [`newest that berth knows: ${newest}`]),
        ...(kubernetes === undefined
          ? []
          : [`${now} ${fits ? 'fits' : 'does not fit'} Kubernetes ${kubernetes}`]),
      ].join('; '),
      fits ? 'dim' : 'warn',
    ),
    ...unpublished(state, 'crictl', now),
    ...(best === undefined && !fits
      ? [note(`No crictl is known that fits Kubernetes ${kubernetes}.`, 'warn')]
      : []),
    ...(best === undefined || best === now || (fits && kubernetes !== undefined)
      ? []
      : [
          {
            kind: 'action' as const,
            id: 'crictl:best',
            label: `Take crictl ${best}`,
            path: crictlPath,
            explain: `crictl ${best} ${kubernetes === undefined ? 'is the newest that this berth knows by checksum' : `fits Kubernetes ${kubernetes}`}.`,
            press: () =>
              answered(state, crictlPath.join('.'), best, [{ kind: 'set', path: crictlPath, value: best }]),
          },
        ]),
  ];
};

const engineFit = (state: WizardState): PageRow[] => {
  const version = valueAt(state.sources, [...enginePath, 'version']);
  const kubernetes = kubernetesOf(state);
  if (typeof version !== 'string') return [];
  return [
    ...releaseNotes(state, 'cri-o', version),
    ...(kubernetes === undefined || crioFits(version, kubernetes)
      ? []
      : [note(`CRI-O ${version} is not of the minor version of Kubernetes ${kubernetes}.`, 'warn')]),
  ];
};

export const runtimeRows = (state: WizardState): PageRow[] => {
  const known = choicesAt([...runtimesPath, 0, 'name']);
  return [
    fitRow(state),
    ...engineRows(state),
    ...engineFit(state),
    defaultRow(state, known),
    ...known.map((name) => runtimeSwitch(state, name)),
    ...runtimeDetails(state),
    ...crictlRows(state),
    ...releasesUnknown(state),
  ];
};
