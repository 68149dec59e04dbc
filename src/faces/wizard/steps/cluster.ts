import { isMapping } from '../../../profile/as-written.ts';
import type { Path } from '../../../profile/tree.ts';
import { hasOwnNetwork, ownNetworks, planesIn } from '../cluster.ts';
import type { Edit } from '../document.ts';
import { answered, type ChoiceRow, note, type PageRow } from '../rows.ts';
import { schemaRow } from '../schema-rows.ts';
import { hostsIn, type WizardState, type WrittenHost } from '../state.ts';

const rolePath: Path = ['spec', 'kubernetes', 'role'];
const id = 'control-plane';
const none = 'no cluster';

const explained = `The host that makes the cluster; all others join it as workers, when berth kubernetes up has the profile. Each
host then gets a pod range of its own; routes between them are your network's, unless the CNI of the cluster brings pods
together: say so under Network. Several control planes: docs/kubernetes.md.`;

/** What the hosts are to each other: a role where there is one host, else which of them makes the cluster. */
export const roleRows = (state: WizardState): PageRow[] => {
  const hosts = hostsIn(state.sources);
  const planes = planesIn(state.sources);
  if (hosts.length < 2) return schemaRow(state, rolePath);
  if (planes.length > 1) return [note(`Control planes: ${planes.join(', ')}, as the file says.`, 'dim')];
  return [planeRow(state, hosts, planes[0])];
};

const planeRow = (
  state: WizardState,
  hosts: readonly WrittenHost[],
  plane: string | undefined,
): ChoiceRow => {
  const host = hosts.find(({ name }) => name === plane);
  const draft = state.drafts.get(id);
  return {
    kind: 'choice',
    id,
    label: 'Control plane',
    // Where the host says it; roles of groups stand elsewhere.
    path: host !== undefined && hasOwnRole(host) ? ['hosts', host.index, ...rolePath] : rolePath,
    explain: explained,
    problem: draft?.problem,
    options: [none, ...hosts.map(({ name }) => name)],
    chosen: draft?.text ?? plane ?? none,
    choose: (option) => answered(state, id, option, editsFor(state, hosts, option)),
  };
};

const hasOwnRole = (host: WrittenHost): boolean => withoutOwn(host, 'role').length > 0;

const editsFor = (state: WizardState, hosts: readonly WrittenHost[], option: string): readonly Edit[] => {
  const plane = hosts.find(({ name }) => name === option);
  const cleared = hosts.flatMap((host) => withoutOwn(host, 'role'));
  if (plane === undefined) return [...cleared, { kind: 'remove', path: rolePath }];
  return [
    ...cleared,
    { kind: 'set', path: rolePath, value: 'worker' },
    { kind: 'set', path: ['hosts', plane.index, ...rolePath], value: 'control-plane' },
    ...rangeEdits(state, hosts),
  ];
};

const rangeEdits = ({ sources }: WizardState, hosts: readonly WrittenHost[]): Edit[] => {
  const without = hosts.filter(({ form }) => !hasOwnNetwork(form));
  return ownNetworks(sources, without.length).flatMap((value, at): Edit[] => {
    const host = without[at];
    return host === undefined
      ? []
      : [{ kind: 'set', path: ['hosts', host.index, 'spec', 'cni', 'networks'], value }];
  });
};

/** Takes away what a host itself says of Kubernetes, or a key of it; sections that nothing is left of go too. */
export const withoutOwn = ({ index, form }: WrittenHost, key?: string): Edit[] => {
  const { spec } = form;
  if (!isMapping(spec) || !isMapping(spec['kubernetes'])) return [];
  const own = spec['kubernetes'];
  if (key !== undefined && !(key in own)) return [];
  const path: Path = ['hosts', index, 'spec'];
  if (key !== undefined && Object.keys(own).length > 1)
    return [{ kind: 'remove', path: [...path, 'kubernetes', key] }];
  return [{ kind: 'remove', path: Object.keys(spec).length > 1 ? [...path, 'kubernetes'] : path }];
};
