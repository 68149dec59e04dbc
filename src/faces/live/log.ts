import { type Check, type Event, isRed } from '../../core/events.ts';
import { CommandFailed, type Fail } from '../../core/fail.ts';
import { counted, duration, printable } from '../../core/text.ts';

/** A line of what happened on a host; `at` in ms from the start of the run. */
export interface LogEntry {
  readonly at: number;
  readonly tone: 'plain' | 'dim' | 'good' | 'bad' | 'warn';
  readonly text: string;
}

/** Older lines go: --log-file has them all. */
const keptEntries = 2000;

type Said = Omit<LogEntry, 'at'>;

const mark = (failed: boolean): string => (failed ? '✗' : '✓');

const linesOf = (text: string): string[] => printable(text).trimEnd().split('\n');

const block = (title: string, text: string): Said[] =>
  text.trim() === ''
    ? []
    : [
        { tone: 'plain', text: `    ${title}` },
        ...linesOf(text).map((line): Said => ({ tone: 'dim', text: `      ${line}` })),
      ];

const checkSaid = (check: Check): Said[] => {
  const { id, title, detail, milliseconds, notRun, evidence = [], remedy } = check;
  const seen = printable(detail).replace(/\s+/g, ' ').trim();
  const red = isRed(check);
  return [
    {
      tone: red ? 'bad' : notRun ? 'warn' : 'good',
      text: `${notRun ? '–' : mark(red)} ${id}: ${title}: ${seen} (${duration(milliseconds)})`,
    },
    ...evidence.flatMap((each) => block(each.title, each.text)),
    ...(remedy === undefined ? [] : [{ tone: 'warn', text: `    remedy: ${remedy}` } as const]),
  ];
};

const failureSaid = (error: Fail): Said[] => [
  ...linesOf(error.message).map((text): Said => ({ tone: 'bad', text })),
  ...(error instanceof CommandFailed
    ? [
        ...block('the command', `$ ${error.argv.join(' ')}`),
        ...block('what it complained', error.stderr),
        ...block('what it printed', error.stdout),
      ]
    : []),
  ...(error.hint === undefined ? [] : [{ tone: 'warn', text: `    remedy: ${error.hint}` } as const]),
];

const said = (event: Event, titleOf: (id: string) => string): readonly Said[] => {
  switch (event.kind) {
    case 'phase-started': {
      const steps = event.total === undefined ? '' : `: ${counted(event.total, 'step')}`;
      return [{ tone: 'plain', text: `▸ ${event.phase}${steps}` }];
    }
    case 'phase-ended': {
      const { failed, phase, milliseconds } = event;
      return [
        { tone: failed ? 'bad' : 'good', text: `${mark(failed)} ${phase} (${duration(milliseconds)})` },
      ];
    }
    case 'step-ended': {
      const { failed, id, milliseconds, detail } = event;
      const more = detail === undefined ? '' : `: ${printable(detail)}`;
      const text = `  ${mark(failed)} ${printable(titleOf(id))} (${duration(milliseconds)})${more}`;
      return [{ tone: failed ? 'bad' : 'plain', text }];
    }
    case 'command':
      return [{ tone: 'dim', text: `  $ ${linesOf(event.command).join(' ⏎ ')}` }];
    case 'note':
      return [{ tone: event.level === 'warn' ? 'warn' : 'dim', text: printable(event.message) }];
    case 'checked':
      return checkSaid(event.check);
    case 'failed':
      return failureSaid(event.error);
    default:
      return [];
  }
};

/** The log of a host after an event at `at`; `titleOf` tells what a step of it was called. The same log where nothing is said. */
export const logAfter = (
  log: readonly LogEntry[],
  event: Event,
  at: number,
  titleOf: (id: string) => string,
): readonly LogEntry[] => {
  const lines = said(event, titleOf);
  return lines.length === 0 ? log : [...log, ...lines.map((line) => ({ at, ...line }))].slice(-keptEntries);
};
