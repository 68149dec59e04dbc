import { counted, printable } from '../core/text.ts';
import type { Drift, DriftKind } from '../resources/drift.ts';
import { diffLines } from './diff-lines.ts';
import type { Adoption } from './face.ts';
import type { Format, Style } from './style.ts';
import { wrapped } from './wrapped.ts';

interface Look {
  readonly width: number;
  readonly style: Style;
}

/** In the order in which they are told. */
const kinds: Readonly<Record<DriftKind, { readonly title: string; readonly colour: Format }>> = {
  conflict: { title: 'changed on the host, and in the profile too; apply would', colour: 'red' },
  host: { title: 'changed on the host since the last apply; apply would', colour: 'yellow' },
  foreign: { title: 'decided by files of others', colour: 'yellow' },
  profile: { title: 'not applied yet; apply would', colour: 'cyan' },
};

const driftLines = (drift: Drift, { width, style }: Look): string[] => {
  const reason = drift.reason === undefined ? '' : ` (${printable(drift.reason)})`;
  return [
    wrapped(`    ${printable(drift.summary)}${reason}`, width, 6),
    ...(drift.diff === undefined ? [] : diffLines(drift.diff, style)),
    ...(drift.lastDiff === undefined
      ? []
      : ['      what was applied last:', ...diffLines(drift.lastDiff, style)]),
  ];
};

/** The differences of one host by how they came to be; `-` is on the host, `+` in the profile. */
export const driftText = (host: string, drifts: readonly Drift[], look: Look): string => {
  const { style } = look;
  if (drifts.length === 0) return `${style('bold', host)}\n  no drift\n`;
  const sections = (Object.keys(kinds) as DriftKind[]).flatMap((kind) => {
    const those = drifts.filter((drift) => drift.kind === kind);
    if (those.length === 0) return [];
    const { title, colour } = kinds[kind];
    return [`  ${style(colour, `${kind}: ${title}`)}`, ...those.flatMap((drift) => driftLines(drift, look))];
  });
  const legend = drifts.some(({ diff }) => diff !== undefined) ? ' (- on the host, + in the profile)' : '';
  const count = `${host}: ${counted(drifts.length, 'difference')}${legend}`;
  return [style('bold', host), ...sections, '', count, ''].join('\n');
};

export const adoptionText = ({ edits, refused, shared, left }: Adoption, { width, style }: Look): string =>
  [
    ...edits.flatMap(({ file, diff }) => [style('bold', file), ...diffLines(diff, style)]),
    ...(edits.length === 0 ? ['The profile stays as it is.'] : []),
    ...refused.map(({ host, why }) =>
      wrapped(`  ${style('yellow', '!')} ${host}: not adopted: ${printable(why)}`, width, 4),
    ),
    ...shared.map(({ host, path }) =>
      wrapped(
        `  ${style('yellow', '!')} ${host}: follows the same ${printable(path)}: apply will change it there too`,
        width,
        4,
      ),
    ),
    ...left.map(({ host, summary }) =>
      wrapped(`  ${style('yellow', '!')} ${host}: apply will still ${printable(summary)}`, width, 4),
    ),
    '',
  ].join('\n');
