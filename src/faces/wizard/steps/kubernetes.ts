import { crictlFits } from '../../../profile/cluster-checks.ts';
import { type Path, treeAt } from '../../../profile/tree.ts';
import { planesIn } from '../cluster.ts';
import { type Edit, knows, rootOf, valueAt } from '../document.ts';
import { answered, type ChoiceRow, note, type PageRow, textRow } from '../rows.ts';
import { schemaRow } from '../schema-rows.ts';
import { hostsIn, type WizardState } from '../state.ts';
import { crictlFor, crioFits, kubernetesVersion, minorOf, newestKubernetes } from '../versions.ts';
import { roleRows, withoutOwn } from './cluster.ts';
import { releaseNotes, releasesOf } from './releases.ts';
import { kubernetesOf } from './runtime.ts';

const section: Path = ['spec', 'kubernetes'];
const no = 'not by berth';
const yes = 'by berth';

/** What is asked of the cluster here; the rest has defaults, and docs/profile.md. */
const ofControlPlane = [
  ['init', 'controlPlaneEndpoint'],
  ['init', 'schedulable'],
  ['init', 'podSubnet'],
] as const;

const servicesRow = (state: WizardState): PageRow =>
  textRow(state, {
    label: 'Service subnet',
    path: [...section, 'init', 'serviceSubnet'],
    explain: `Services get their addresses from this range, which no pod range and no network that the hosts reach may
overlap. It counts when the cluster is made, and not afterwards.`,
  });

const wantedRow = (state: WizardState, isWanted: boolean): ChoiceRow => ({
  kind: 'choice',
  id: 'kubernetes-wanted',
  label: 'Kubernetes',
  path: section,
  explain: `${no}: the node is proven by crictl, and kubeadm or a distribution of yours brings the kubelet, which finds the
runtime at unix:///run/crio/crio.sock. ${yes}: kubelet, kubeadm and kubectl of one version are installed too.`,
  problem: state.drafts.get('kubernetes-wanted')?.problem,
  options: [no, yes],
  chosen: isWanted ? yes : no,
  choose: (option) =>
    answered(
      state,
      'kubernetes-wanted',
      option,
      option === yes
        ? wantedEdits(state, kubernetesOf(state) ?? newestKubernetes())
        : [{ kind: 'remove', path: section }, ...hostsIn(state.sources).flatMap((host) => withoutOwn(host))],
    ),
});

const wantedEdits = (state: WizardState, version: string): readonly Edit[] => [
  { kind: 'set', path: section, value: { version } },
  {
    kind: 'comment',
    path: section,
    text: 'kubelet, kubeadm and kubectl of one version, beside the runtime.',
  },
  ...fitting(state, version),
];

const crictlPath: Path = ['spec', 'crictl', 'version'];
const enginePath: Path = ['spec', 'engine', 'version'];

/** What must go with a version of Kubernetes goes with it: one of the two alone could never be changed. */
const fitting = (state: WizardState, text: string): readonly Edit[] => {
  const version = kubernetesVersion(text);
  if (version === undefined) return [];
  const crictl = String(valueAt(state.sources, crictlPath));
  const crio = valueAt(state.sources, enginePath);
  // Where none is known, what there would be: neither version could be changed alone.
  const best = crictlFor(version, releasesOf(state, 'crictl')) ?? `${minorOf(version)}.0`;
  return [
    ...(crictlFits(crictl, version) ? [] : [{ kind: 'set' as const, path: crictlPath, value: best }]),
    ...(typeof crio !== 'string' || crioFits(crio, version)
      ? []
      : [{ kind: 'set' as const, path: enginePath, value: minorOf(version) }]),
  ];
};

const versionRow = (state: WizardState): PageRow =>
  textRow(state, {
    label: 'Version',
    path: [...section, 'version'],
    explain: `Release of kubelet, kubeadm and kubectl, as in ${newestKubernetes()}: the same for all three. crictl may be one minor
version away, and CRI-O must have the same one: where they do not fit, they are changed with it.`,
    also: (text) => fitting(state, text),
  });

const detailRows = (state: WizardState): PageRow[] => {
  const role = treeAt(rootOf(state.sources), [...section, 'role'])?.value;
  const makesCluster = planesIn(state.sources).length > 0;
  return [
    versionRow(state),
    ...releaseNotes(state, 'kubelet', String(valueAt(state.sources, [...section, 'version']))),
    ...roleRows(state),
    ...schemaRow(state, [...section, 'source']),
    ...(makesCluster
      ? [...ofControlPlane.flatMap((keys) => schemaRow(state, [...section, ...keys])), servicesRow(state)]
      : []),
    ...(role === 'worker' && !makesCluster
      ? [
          note(
            'Workers join the first control plane of the profile; another cluster: spec.kubernetes.join.',
            'dim',
          ),
        ]
      : []),
  ];
};

const alone = [
  note('This berth makes container hosts; a kubelet comes from kubeadm or a distribution of yours.'),
  note('It finds the runtime at unix:///run/crio/crio.sock:', 'dim'),
  note('  containerRuntimeEndpoint: unix:///run/crio/crio.sock', 'dim'),
];

export const kubernetesRows = (state: WizardState): PageRow[] => {
  if (!knows(section)) return alone;
  const isWanted = (treeAt(rootOf(state.sources), section)?.value ?? null) !== null;
  return [wantedRow(state, isWanted), ...(isWanted ? detailRows(state) : [])];
};
