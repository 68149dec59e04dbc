import type { HostBoard } from './board.ts';
import { dim, type Line, rowsOf, type Span } from './line.ts';
import type { LogEntry } from './log.ts';

const looks: Readonly<Record<LogEntry['tone'], Omit<Span, 'text'>>> = {
  plain: {},
  dim: { dim: true },
  good: { colour: 'green' },
  bad: { colour: 'red' },
  warn: { colour: 'yellow' },
};

const timeWidth = 8;

/** Times stand beside the lines where there is room for them. */
const linesOf = ({ at, tone, text }: LogEntry, columns: number): readonly Line[] => {
  const isWide = columns >= 40;
  const time = isWide ? `${(at / 1000).toFixed(1).padStart(timeWidth - 2)}  ` : '';
  return rowsOf(text, Math.max(8, columns - time.length)).map((row, index) => [
    dim(index === 0 ? time : ' '.repeat(time.length)),
    { text: row, ...looks[tone] },
  ]);
};

/** All that happened on a host. As many lines as it takes. */
export const logView = (host: HostBoard, columns: number): readonly Line[] =>
  host.log.length === 0
    ? [[dim('nothing has happened here yet')]]
    : host.log.flatMap((entry) => linesOf(entry, columns));
