import { duration } from '../../core/text.ts';
import { currentPhase, type HostBoard, type PhaseBoard } from './board.ts';
import { bold, dim, type Line, plain, pointer } from './line.ts';
import { clock, colours, commandTexts, doingText, marks, timeText } from './progress-lines.ts';
import { countsText, type Ranked } from './standing.ts';
import { expected } from './state.ts';
import { toldPhases } from './told-phases.ts';
import { troubleLines } from './trouble-lines.ts';
import type { Room } from './whole-hosts.ts';

const standingMarks = { failed: '✗', running: '▸', interrupted: '–', waiting: '·', done: '✓' } as const;
const standingColours = {
  failed: 'red',
  running: 'cyan',
  interrupted: 'yellow',
  waiting: undefined,
  done: 'green',
} as const;

/** Phases as columns. */
interface Columns {
  readonly name: number;
  readonly phases: readonly PhaseBoard['phase'][];
  /** Where there are only marks, each host has as many, in the order of its own phases. */
  readonly marks: number;
  /** With names above them and times in them; else each is its mark alone. */
  readonly isWide: boolean;
}

const order = ['connect', 'probe', 'prepare', 'plan', 'apply', 'verify', 'rollback', 'reset'] as const;
const wideCell = 10;
const longestName = 24;

const columnsOf = (hosts: readonly Ranked[], columns: number): Columns => {
  const phases = order.filter((phase) =>
    hosts.some(({ host }) => host.phases.some((each) => each.phase === phase)),
  );
  const name = Math.min(longestName, Math.max(4, ...hosts.map((each) => each.name.length)));
  const isWide = columns - name - 4 - phases.length * wideCell >= 36;
  const marks = Math.max(...hosts.map(({ host }) => toldPhases(host.phases).length));
  return { name, phases, marks, isWide };
};

const cellText = (phase: PhaseBoard | undefined, now: number): string => {
  if (phase === undefined) return '·';
  const { state, milliseconds, total, done } = phase;
  if (state !== 'running') {
    const took = milliseconds === undefined || milliseconds < 1000 ? '' : ` ${duration(milliseconds)}`;
    return `${marks[state]}${took}`;
  }
  return `${marks.running} ${total === undefined ? clock(now - phase.since) : `${done}/${total}`}`;
};

const markText = (phase: PhaseBoard | undefined): string => (phase === undefined ? '·' : marks[phase.state]);

const cells = (host: HostBoard, { phases, marks: count, isWide }: Columns, now: number): Line => {
  const told = toldPhases(host.phases);
  const shown = isWide
    ? phases.map((name) => told.findLast(({ phase }) => phase === name))
    : Array.from({ length: count }, (_, index) => told[index]);
  return shown.map((phase) => {
    const text = isWide ? fitted(cellText(phase, now)) : `${markText(phase)} `;
    return phase === undefined ? dim(text) : { text, colour: colours[phase.state] };
  });
};

const fitted = (text: string): string => text.slice(0, wideCell - 1).padEnd(wideCell);

const countOf = (phase: PhaseBoard | undefined): string =>
  phase?.total === undefined ? '' : `${phase.done}/${phase.total}`.padStart(5);

/** A host in one line. */
const row = ({ name, host, standing }: Ranked, columns: Columns, { state, now }: Room): Line => {
  const colour = standingColours[standing];
  const phase = currentPhase(host);
  const running = phase?.state === 'running' ? phase : undefined;
  const estimate = running === undefined ? undefined : expected(state, name, running);
  // The one that was begun last.
  const command = state.looking.commands ? commandTexts(host).at(-1) : undefined;
  const words = [
    // A column of its own says the same.
    ...(!columns.isWide && phase !== undefined ? [phase.phase.padEnd(7), countOf(running)] : []),
    ...(running === undefined ? [] : [timeText(now - running.since, estimate)]),
  ].filter((text) => text !== '');
  return [
    pointer(state.looking.chosen === name),
    { text: `${standingMarks[standing]} `, ...(colour === undefined ? {} : { colour }) },
    bold(name.slice(0, columns.name).padEnd(columns.name)),
    plain('  '),
    ...cells(host, columns, now),
    plain(columns.isWide ? words.join('  ') : ` ${words.join('  ')}`),
    dim(`  ${command ?? doingText(host, now)}`),
  ];
};

const heading = ({ name, phases }: Columns): Line => [
  dim(' '.repeat(name + 6)),
  ...phases.map((phase) => dim(phase.padEnd(wideCell))),
];

/** Rows of a list that has more of them than fit, so that `at` is among them. */
const windowed = <Item>(items: readonly Item[], room: number, at: number): readonly Item[] => {
  const top = Math.max(0, Math.min(at - Math.floor(room / 2), items.length - room));
  return items.slice(top, top + room);
};

/** Lines that belong to a host. */
interface Block {
  readonly host: Ranked;
  readonly lines: readonly Line[];
}

const indent = '    ';

/** The hosts in one line each, what matters first; the others are counted. */
export const denseHosts = (hosts: readonly Ranked[], room: Room, left: number): readonly Line[] => {
  const columns = columnsOf(hosts, room.columns);
  const head = columns.isWide ? [heading(columns)] : [];
  const space = Math.max(1, left - head.length - 1);
  const important = hosts.filter(({ standing }) => standing === 'failed' || standing === 'running');
  const isChosenOther = hosts.some(
    (host) => host.name === room.state.looking.chosen && !important.includes(host),
  );
  const listed = isChosenOther ? hosts : important;
  const blocks = expanded(listed, columns, room, space);
  const lines = blocks.flatMap(({ host, lines }) => lines.map((line) => ({ host, line })));
  const at = Math.max(
    0,
    lines.findIndex(({ host }) => host.name === room.state.looking.chosen),
  );
  const shown = windowed(lines, space, at);
  const seen = new Set(shown.map(({ host }) => host));
  const hidden = hosts.filter((host) => !seen.has(host));
  return [
    ...head,
    ...shown.map(({ line }) => line),
    ...(hidden.length === 0 ? [] : [[dim(`  … ${countsText(hidden)}`)]]),
  ];
};

/** Failures are told below their host as far as there is space, but never in less than a third of it. */
const expanded = (
  hosts: readonly Ranked[],
  columns: Columns,
  room: Room,
  space: number,
): readonly Block[] => {
  let spare = Math.max(space - hosts.length, Math.floor(space / 3));
  let troubles = hosts.reduce((sum, { host }) => sum + host.troubles.length, 0);
  const width = room.columns - indent.length;
  return hosts.map((host) => {
    const told = host.host.troubles.flatMap((trouble) => {
      // What one does not need is there for the next ones.
      const lines = troubleLines(trouble, { width, rows: Math.max(0, Math.ceil(spare / troubles)) });
      spare -= lines.length;
      troubles -= 1;
      return lines;
    });
    return { host, lines: [row(host, columns, room), ...told.map((line) => [plain(indent), ...line])] };
  });
};
