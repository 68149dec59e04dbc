import { currentPhase, type HostBoard } from './board.ts';
import { bold, dim, type Line, plain, pointer, widthOf } from './line.ts';
import { commandTexts, doingLines, phaseLines, phaseSpan } from './progress-lines.ts';
import type { Ranked } from './standing.ts';
import { expected, type LiveState } from './state.ts';
import { toldPhases } from './told-phases.ts';
import { troubleLines } from './trouble-lines.ts';

/** What a list of hosts is drawn from. */
export interface Room {
  readonly state: LiveState;
  readonly now: number;
  readonly columns: number;
}

/** The phases of a host in a line; where they do not fit the earliest give way: the one at work is the one to see. */
const phasesLine = (name: string, host: HostBoard, { state, columns }: Room): Line => {
  const spans = toldPhases(host.phases).map(phaseSpan);
  const head = [pointer(state.looking.chosen === name), bold(name)];
  const length = (): number => widthOf(head) + spans.reduce((sum, { text }) => sum + text.length + 2, 0);
  while (spans.length > 1 && length() > columns) spans.shift();
  const waiting = host.phases.length === 0 && host.transfers.size === 0 ? [dim('  waiting')] : [];
  return [...head, ...spans.flatMap((span) => [plain('  '), span]), ...waiting];
};

const indented = (lines: readonly Line[]): readonly Line[] => lines.map((line) => [plain('    '), ...line]);

/** A host in full. */
const wholeHost = ({ name, host }: Ranked, room: Room, rows: number | undefined): readonly Line[] => {
  const { state, now, columns } = room;
  const width = columns - 4;
  const phase = currentPhase(host);
  const estimate = phase === undefined ? undefined : expected(state, name, phase);
  const commands = state.looking.commands ? commandTexts(host) : [];
  return [
    phasesLine(name, host, room),
    ...indented([
      ...phaseLines(host, now, estimate, width),
      ...doingLines(host, now, width),
      ...commands.map((command): Line => [dim(command)]),
      ...host.troubles.flatMap((trouble) =>
        troubleLines(trouble, rows === undefined ? { width } : { width, rows }),
      ),
    ]),
  ];
};

/** Lines for each thing that went wrong; undefined: as many as it takes. */
const fewest = 3;
const sizes = [undefined, 12, 9, 7, 5, 4, fewest] as const;

/** Each host in full, in the order of the profile; undefined: they do not fit. */
export const wholeHosts = (
  hosts: readonly Ranked[],
  room: Room,
  left: number,
): readonly Line[] | undefined => {
  const inOrder = [...room.state.board.hosts.keys()].flatMap(
    (name) => hosts.find((host) => host.name === name) ?? [],
  );
  const linesWith = (rows: number | undefined): readonly Line[] =>
    inOrder.flatMap((host) => wholeHost(host, room, rows));
  if (hosts.length > left || linesWith(fewest).length > left) return undefined;
  for (const rows of sizes) {
    const lines = linesWith(rows);
    if (lines.length <= left) return lines;
  }
  return undefined;
};
