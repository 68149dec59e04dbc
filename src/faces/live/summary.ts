import type { Event } from '../../core/events.ts';
import { counted, duration, printable } from '../../core/text.ts';
import type { Style } from '../style.ts';
import { type Board, type HostBoard, hasTrouble, type PhaseBoard, wasInterrupted } from './board.ts';
import { colours, marks } from './progress-lines.ts';
import { toldPhases } from './told-phases.ts';

/** Hosts that went well are listed one by one as long as that is a glance. */
const listedHosts = 10;

/** Phases that change or prove something; what only looked is told by what it found. */
const telling: ReadonlySet<PhaseBoard['phase']> = new Set([
  'prepare',
  'apply',
  'verify',
  'rollback',
  'reset',
]);

const isWorthTelling = ({ phases, troubles }: HostBoard): boolean =>
  troubles.length > 0 || phases.some(({ phase, state }) => telling.has(phase) || state === 'failed');

const phaseText = ({ phase, state, milliseconds }: PhaseBoard, style: Style): string => {
  const took = milliseconds === undefined ? '' : ` ${duration(milliseconds)}`;
  const end = state === 'interrupted' ? ' (interrupted)' : '';
  return style(colours[state], `${marks[state]} ${phase}${took}${end}`);
};

const line = (name: string, width: number, { phases, checks }: HostBoard, style: Style): string => {
  const { green, red, notRun } = checks;
  const proven =
    green + red === 0
      ? ''
      : `  ${red > 0 ? `${red} of ${green + red + notRun} checks red` : `${counted(green, 'check')} green`}`;
  return `${style('bold', name.padEnd(width))}  ${toldPhases(phases)
    .map((phase) => phaseText(phase, style))
    .join('  ')}${proven}`;
};

const longest = (hosts: readonly HostBoard[], name: PhaseBoard['phase']): number =>
  Math.max(
    0,
    ...hosts
      .flatMap(({ phases }) => toldPhases(phases))
      .map(({ phase, milliseconds = 0 }) => (phase === name ? milliseconds : 0)),
  );

/** Many hosts that went well in one line: how long each phase took where it took longest. */
const together = (hosts: readonly HostBoard[], style: Style): string => {
  const names = [...new Set(hosts.flatMap(({ phases }) => phases.map(({ phase }) => phase)))];
  const phases = names.map((name) =>
    style('green', `${marks.done} ${name} ${duration(longest(hosts, name))}`),
  );
  return `${style('bold', counted(hosts.length, 'host'))}  ${phases.join('  ')}  ${style('dim', '(the longest of each)')}`;
};

/**
 * What stays in the scrollback of the hosts that `isNews` names: a line for each, those in trouble first; many that went
 * well share one. Nothing where hosts were only looked at.
 */
export const summaryText = (board: Board, style: Style, isNews: (host: string) => boolean): string => {
  const told = [...board.hosts].filter(([name, host]) => isNews(name) && isWorthTelling(host));
  const bad = told.filter(([, host]) => hasTrouble(host));
  const halfway = told.filter(([, host]) => !hasTrouble(host) && wasInterrupted(host));
  const good = told.filter(([, host]) => !hasTrouble(host) && !wasInterrupted(host));
  const width = Math.max(0, ...told.map(([name]) => name.length));
  const one = ([name, host]: readonly [string, HostBoard]): string => line(name, width, host, style);
  const lines = [
    ...[...bad, ...halfway].map(one),
    ...(good.length > listedHosts
      ? [
          together(
            good.map(([, host]) => host),
            style,
          ),
        ]
      : good.map(one)),
  ];
  return lines.map((each) => `${each}\n`).join('');
};

/** Hosts of which a note tells by name; the others of them are counted. */
const namedHosts = 3;

export type Note = Extract<Event, { kind: 'note' }>;

const whose = (hosts: readonly string[]): string => {
  const more = hosts.length - namedHosts;
  return more > 0 ? `${hosts.slice(0, namedHosts).join(', ')} and ${more} more` : hosts.join(', ');
};

/** Notes as they came; what several hosts have in common is told once. */
export const notesText = (notes: readonly Note[], style: Style): string => {
  const together = new Map<string, Note[]>();
  for (const note of notes) {
    const key = `${note.level}\0${note.message}`;
    together.set(key, [...(together.get(key) ?? []), note]);
  }
  return [...together.values()]
    .map((same) => {
      const hosts = [...new Set(same.flatMap(({ host }) => host ?? []))];
      const [{ level, message } = { level: 'info', message: '' }] = same;
      const text = style(level === 'warn' ? 'yellow' : 'dim', printable(message));
      return `${hosts.length === 0 ? '' : `${style('bold', whose(hosts))}  `}${text}\n`;
    })
    .join('');
};
