import { type Path, treeAt } from '../../../profile/tree.ts';
import { knows, rootOf } from '../document.ts';
import { answered, type ChoiceRow, note, type PageRow } from '../rows.ts';
import { schemaRow } from '../schema-rows.ts';
import type { WizardState } from '../state.ts';
import { newestKubernetes } from '../versions.ts';
import { kubernetesOf } from './runtime.ts';

const section: Path = ['spec', 'kubernetes'];
const no = 'not by berth';
const yes = 'by berth';

/** What is asked of it here; the rest has defaults, and docs/profile.md. */
const always = ['version', 'role', 'source'] as const;
const ofControlPlane = [
  ['init', 'controlPlaneEndpoint'],
  ['init', 'schedulable'],
  ['init', 'serviceSubnet'],
  ['init', 'podSubnet'],
] as const;

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
    answered(state, 'kubernetes-wanted', option, [
      option === yes
        ? { kind: 'set', path: section, value: { version: kubernetesOf(state) ?? newestKubernetes() } }
        : { kind: 'remove', path: section },
    ]),
});

const detailRows = (state: WizardState): PageRow[] => {
  const role = treeAt(rootOf(state.sources), [...section, 'role'])?.value;
  return [
    ...always.flatMap((key) => schemaRow(state, [...section, key])),
    ...(role === 'control-plane'
      ? ofControlPlane.flatMap((keys) => schemaRow(state, [...section, ...keys]))
      : []),
    ...(role === 'worker'
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
