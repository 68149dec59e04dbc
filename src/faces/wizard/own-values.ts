import { listed } from '../../core/text.ts';
import { childOf, isList, isMapping, type Path, type Tree } from '../../profile/tree.ts';
import { rootOf } from './document.ts';
import { isRow, type NoteRow, note, type PageRow } from './rows.ts';
import { hostsIn, type WizardState } from './state.ts';

/** Whether a host or a group says what counts at a path of `spec`: one of its own, or a list or text in place of what is above. */
const says = (tree: Tree | undefined, [part, ...rest]: Path): boolean => {
  if (!isMapping(tree)) return tree !== undefined && tree.value !== null;
  return part !== undefined && says(childOf(tree, part), rest);
};

/** Rows show what is said of all hosts: who says otherwise of some is told, or a change seems to reach them. */
export const ownValues = (state: WizardState, rows: readonly PageRow[]): NoteRow[] => {
  const root = rootOf(state.sources);
  const [hosts, groups] = [childOf(root, 'hosts'), childOf(root, 'groups')];
  const hostNames = hostsIn(state.sources).map(({ name }) => name);
  const labelsBy = new Map<string, string[]>();
  for (const { label, path } of rows.filter(isRow)) {
    if (path?.[0] !== 'spec') continue;
    const holders = [
      ...(isList(hosts) ? hosts.value : []).flatMap((host, index) =>
        says(host, path) ? [hostNames[index] ?? ''] : [],
      ),
      ...(isMapping(groups) ? [...groups.value] : []).flatMap(([name, group]) =>
        says(group, path) ? [`group ${name}`] : [],
      ),
    ];
    if (holders.length === 0) continue;
    const who = listed(holders);
    labelsBy.set(who, [...(labelsBy.get(who) ?? []), label]);
  }
  if (labelsBy.size === 0) return [];
  const told = [...labelsBy].map(([who, labels]) => `${who} (${labels.join(', ')})`);
  return [note(`! Values of their own, which count before those here: ${told.join('; ')}`, 'warn')];
};
