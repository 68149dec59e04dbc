import { fileAt } from '../host/facts/files.ts';
import type { Facts } from '../host/facts/probe.ts';
import { contentLike } from '../host/script/step.ts';
import { isSetAside, setAside } from '../resources/commented.ts';
import type { Resource } from '../resources/resource.ts';
import { type Concern, rendered } from './concern.ts';

export const fstab = '/etc/fstab';
const swapTarget = '/etc/systemd/system/swap.target';
/** Fedora's zram-generator-defaults brings the first one; the second one overrides it, also when it is empty. */
export const zramDefaults = '/usr/lib/systemd/zram-generator.conf';
export const zramConfig = '/etc/systemd/zram-generator.conf';

/** fstab(5): the third field is the type. */
export const isSwapLine = (line: string): boolean => /^\s*[^#\s]\S*\s+\S+\s+swap(\s|$)/.test(line);

export const swap: Concern = {
  asks: () => ({ files: [fstab, swapTarget, zramDefaults, zramConfig] }),
  resources: ({ spec, facts, render }) =>
    spec.swap === 'keep'
      ? { resources: [] }
      : {
          resources: [
            ...withoutSwapLines(facts),
            // Whatever unit brings swap at boot, by fstab, by a partition's type or by hand, is wanted by this target.
            { kind: 'link', path: swapTarget, target: '/dev/null' },
            ...(makesZram(facts) ? [rendered(render, zramConfig, {})] : []),
            { kind: 'no-swap' },
          ],
        },
};

const makesZram = ({ files, health }: Facts): boolean =>
  fileAt(files, zramDefaults).kind === 'file' ||
  fileAt(files, zramConfig).kind === 'file' ||
  health.swaps.some(({ path }) => path.startsWith('/dev/zram'));

function withoutSwapLines({ files }: Facts): Resource[] {
  const file = fileAt(files, fstab);
  if (file.kind !== 'file') return [];
  const text = file.text ?? file.sealed?.open();
  if (text === undefined || !text.split('\n').some((line) => isSwapLine(line) || isSetAside(line))) return [];
  return [
    {
      kind: 'file',
      path: fstab,
      content: contentLike(file, setAside(text, isSwapLine)),
      mode: file.mode,
      origins: [{ kind: 'lines', name: fstab }],
    },
  ];
}
