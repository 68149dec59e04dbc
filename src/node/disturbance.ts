import type { Change } from '../resources/change.ts';

/** Programs that are below every pod, and that packages bring. */
const below = new Set(['runc', 'crun', 'runsc', 'conmon', 'kubelet', 'kata-containers']);

/** Fedora has a package of CRI-O for each minor. */
const isBelow = (name: string): boolean => below.has(name) || /^cri-o[\d.]*$/.test(name);

const engines = ['berthd.service', 'crio.service'];

type Rule = (changes: readonly Change[]) => string | undefined;

const has = (changes: readonly Change[], id: string): boolean => changes.some((change) => change.id === id);

/** A kubelet that comes to a host that had none has no pods yet. */
const kubeletReplaced: Rule = (changes) =>
  changes.some(({ id, action }) => action === 'update' && /^file:\/.*\/bin\/kubelet$/.test(id))
    ? 'its kubelet is upgraded'
    : undefined;

const runtimeReplaced: Rule = (changes) => {
  const replaced = changes
    .flatMap(({ packages = [] }) => packages)
    .filter(({ name, from, to }) => isBelow(name) && from !== undefined && from !== to)
    .map(({ name }) => name);
  return replaced.length === 0 ? undefined : `${replaced.join(' and ')} below its pods changes`;
};

const releaseReplaced: Rule = (changes) =>
  changes.some(({ id }) => id.startsWith('release:')) &&
  engines.some((unit) => has(changes, `restart:${unit}`))
    ? 'its container runtime is upgraded'
    : undefined;

/** One engine is taken away where another begins. */
const engineSwitched: Rule = (changes) =>
  engines.some((unit) => has(changes, `unit:${unit}`)) &&
  engines.some((unit) => has(changes, `start:${unit}`))
    ? 'its container engine is switched'
    : undefined;

const rules: readonly Rule[] = [kubeletReplaced, runtimeReplaced, releaseReplaced, engineSwitched];

/** Why the pods of a node should be elsewhere while these changes are made; undefined: they need not. */
export const whyDrain = (changes: readonly Change[]): string | undefined =>
  rules.map((rule) => rule(changes)).find((why) => why !== undefined);
