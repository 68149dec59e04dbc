import { duration, printable, withPort } from '../core/text.ts';
import type { ListedHost } from '../flows/hosts.ts';
import type { Style } from './style.ts';

const listColumns = ['host', 'address', 'user', 'through', 'groups', 'transport'] as const;
const checkColumns = ['os', 'arch', 'berth', 'generation', 'time'] as const;

/** A column that is empty for every host is left out. */
export const hostsText = (
  hosts: readonly ListedHost[],
  { checked, style }: { readonly checked: boolean; readonly style: Style },
): string => {
  const titles = [...listColumns, ...(checked ? checkColumns : [])];
  const rows = hosts.map((host) => [...listCells(host), ...(checked ? checkCells(host) : [])].map(printable));
  const used = titles.map((_, column) => rows.some((row) => row[column] !== ''));
  const widths = titles.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .flatMap((text, column) => (used[column] ? [text.padEnd(widths[column] ?? 0)] : []))
      .join('  ')
      .trimEnd();
  return [style('bold', line(titles)), ...rows.map(line), ''].join('\n');
};

const listCells = ({ host, address, port, user, jump, groups, transport, because }: ListedHost): string[] => [
  host,
  address === undefined
    ? 'this machine'
    : port === undefined || port === 22
      ? address
      : withPort(address, port),
  user ?? '',
  jump.join(', '),
  groups.join(', '),
  because.length === 0 ? transport : `${transport} (${because.join(', ')})`,
];

const checkCells = ({ seen }: ListedHost): string[] =>
  seen === undefined
    ? ['failed', '', '', '', '']
    : [
        seen.os,
        seen.arch,
        seen.berth ?? 'none',
        seen.generation === undefined ? 'none' : String(seen.generation),
        duration(seen.milliseconds),
      ];
