import { Box, Text } from 'ink';
import { createElement as h, type ReactElement } from 'react';
import { byteSize, duration, printable, shortened } from '../../core/text.ts';
import { type Board, currentPhase, type HostBoard, type PhaseBoard, type StepBoard } from './board.ts';

export interface ViewProps {
  readonly board: Board;
  readonly now: number;
  readonly columns: number;
  readonly rows: number;
}

const barWidth = 24;

const bar = (done: number, total: number): string => {
  const filled = total <= 0 ? 0 : Math.min(barWidth, Math.floor((done / total) * barWidth));
  return '█'.repeat(filled) + '░'.repeat(barWidth - filled);
};

const phaseColours = { running: 'cyan', done: 'green', failed: 'red' } as const;
const phaseMarks = { running: '▸', done: '✓', failed: '✗' } as const;

const phaseLabel = (board: PhaseBoard, host: HostBoard, now: number): string => {
  const checks = board.phase === 'verify' ? host.green + host.red : board.done;
  const count = board.total === undefined ? (checks > 0 ? ` ${checks}` : '') : ` ${checks}/${board.total}`;
  const time = board.milliseconds ?? now - board.since;
  // Nobody wonders about less than a second, and a line has room for six phases.
  const shownTime = time >= 1000 ? ` ${duration(time)}` : '';
  return `${phaseMarks[board.state]} ${board.phase}${board.state === 'running' ? count : ''}${shownTime}`;
};

const gap = '  ';

/** The phases in one line. When they do not fit, the earliest give way: the phase at work is the one to see. */
const phaseTexts = (host: HostBoard, now: number, width: number): ReactElement[] => {
  const labels = host.phases.map((board) => ({ board, label: gap + phaseLabel(board, host, now) }));
  const length = (): number => labels.reduce((sum, { label }) => sum + label.length, 0);
  while (labels.length > 1 && length() > width) labels.shift();
  return labels.map(({ board, label }) =>
    h(Text, { key: board.phase, color: phaseColours[board.state] }, label),
  );
};

const stepText = (step: StepBoard, now: number, width: number): string => {
  const elapsed = now - step.since;
  const time = elapsed >= 1000 ? ` ${duration(elapsed)}` : '';
  const bytes = step.bytes
    ? `${bar(step.bytes.done, step.bytes.total)} ${byteSize(step.bytes.done)} of ${byteSize(step.bytes.total)}  `
    : '';
  return shortened(`${bytes}${printable(step.title)}${time}`, width);
};

const indent = '    ';

/** A host in full: its phases in one line, each running step below. */
const hostBlock = (name: string, host: HostBoard, { now, columns }: ViewProps): ReactElement =>
  h(
    Box,
    { key: name, flexDirection: 'column' },
    h(
      Text,
      { wrap: 'truncate-end' },
      h(Text, { bold: true }, name),
      ...phaseTexts(host, now, columns - name.length),
    ),
    ...host.steps
      .slice(0, 3)
      .map((step) =>
        h(
          Text,
          { key: step.id, dimColor: true, wrap: 'truncate-end' },
          indent + stepText(step, now, columns - indent.length),
        ),
      ),
  );

/** A host in one line: the phase at work and its first step. */
const hostLine = (name: string, host: HostBoard, { now, columns }: ViewProps): ReactElement => {
  const current = currentPhase(host);
  const label = current ? phaseLabel(current, host, now) : '';
  const step = host.steps[0];
  const rest = columns - name.length - label.length - 4;
  return h(
    Text,
    { key: name, wrap: 'truncate-end' },
    h(Text, { bold: true }, `${name}  `),
    h(Text, { color: phaseColours[current?.state ?? 'running'] }, `${label}  `),
    h(Text, { dimColor: true }, step ? stepText(step, now, rest) : ''),
  );
};

const linesOf = (host: HostBoard): number => 1 + Math.min(3, host.steps.length);

const isRunning = (host: HostBoard): boolean => currentPhase(host)?.state === 'running';

/** Hosts × phases. When they do not fit, each host takes one line; then the running ones come first, the rest is counted. */
export const View = (props: ViewProps): ReactElement => {
  const hosts = [...props.board.hosts];
  // One line for the count of hidden hosts, one for the cursor: a frame as high as the screen makes terminals scroll.
  const room = Math.max(1, props.rows - 2);
  const lines = hosts.reduce((sum, [, host]) => sum + linesOf(host), 0);
  if (lines <= room)
    return h(Box, { flexDirection: 'column' }, ...hosts.map(([name, host]) => hostBlock(name, host, props)));
  const ordered = [
    ...hosts.filter(([, host]) => isRunning(host)),
    ...hosts.filter(([, host]) => !isRunning(host)),
  ];
  const shown = hosts.length <= room ? hosts : ordered.slice(0, room);
  const hidden = hosts.length - shown.length;
  return h(
    Box,
    { flexDirection: 'column' },
    ...shown.map(([name, host]) => hostLine(name, host, props)),
    ...(hidden > 0 ? [h(Text, { key: '\0hidden', dimColor: true }, `… and ${hidden} more hosts`)] : []),
  );
};
