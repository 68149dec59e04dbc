import { basename } from 'node:path';
import { byteSize, duration, printable } from '../../core/text.ts';
import { type Bytes, currentPhase, type HostBoard, type PhaseBoard } from './board.ts';
import type { Estimate } from './estimate.ts';
import { bar, dim, type Line, plain, type Span } from './line.ts';

/** Time that passes, in whole seconds: tenths that run by are no information. Nothing for less than a second. */
export const clock = (milliseconds: number): string => {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 1) return '';
  return seconds < 60
    ? `${seconds} s`
    : `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
};

/** Below a second an estimate would be over before it is read. */
const estimatedFrom = 1000;

/** `35 s of ~1 min 10 s`; beyond what was expected, `1 min 20 s, usually 1 min 10 s`. */
export const timeText = (elapsed: number, estimate: Estimate | undefined): string => {
  const passed = clock(elapsed);
  if (estimate === undefined || estimate.milliseconds < estimatedFrom) return passed;
  const usual = clock(estimate.milliseconds);
  if (elapsed > estimate.milliseconds) return `${passed}, usually ${usual}`;
  return passed === '' ? `~${usual}` : `${passed} of ~${usual}`;
};

const nouns: Partial<Readonly<Record<PhaseBoard['phase'], string>>> = {
  prepare: 'step',
  apply: 'change',
  verify: 'check',
  rollback: 'change',
  reset: 'change',
};

/** `12 of 27 changes`; nothing where there is nothing to count. */
export const countText = ({ phase, done, total }: PhaseBoard, estimate: Estimate | undefined): string => {
  const noun = nouns[phase];
  if (noun === undefined) return '';
  const things = (count: number): string => (count === 1 ? noun : `${noun}s`);
  if (total !== undefined) return `${done} of ${total} ${things(total)}`;
  if (estimate !== undefined && estimate.count >= done && estimate.count > 0)
    return `${done} of ~${estimate.count} ${things(estimate.count)}`;
  return done > 0 ? `${done} ${things(done)}` : '';
};

/** How far a phase is, from 0 to 1; undefined: nobody knows. */
const shareOf = ({ done, total }: PhaseBoard, estimate: Estimate | undefined): number | undefined => {
  const whole = total ?? estimate?.count;
  return whole === undefined || whole === 0 ? undefined : done / whole;
};

export const marks = { running: '▸', done: '✓', failed: '✗', interrupted: '–' } as const;
export const colours = { running: 'cyan', done: 'green', failed: 'red', interrupted: 'yellow' } as const;

/** A phase by its mark, its name, and the time it took. */
export const phaseSpan = ({ phase, state, milliseconds }: PhaseBoard): Span => {
  // Nobody wonders about less than a second.
  const took = milliseconds === undefined || milliseconds < 1000 ? '' : ` ${duration(milliseconds)}`;
  return { text: `${marks[state]} ${phase}${took}`, colour: colours[state] };
};

const barWidth = (width: number): number => Math.max(4, Math.min(24, Math.floor(width / 4)));

/** How far the phase at work is, and what is expected of it. Nothing where there is neither. */
export const phaseLines = (
  host: HostBoard,
  now: number,
  estimate: Estimate | undefined,
  width: number,
): readonly Line[] => {
  const phase = currentPhase(host);
  if (phase?.state !== 'running') return [];
  const share = shareOf(phase, estimate);
  const time = timeText(now - phase.since, estimate);
  const count = countText(phase, estimate);
  if (count === '' && time === '') return [];
  const words = [count || phase.phase, time].filter((text) => text !== '').join('   ');
  if (share === undefined) return [[dim(words)]];
  return [[{ text: bar(share, 1, barWidth(width)), colour: 'cyan' }, plain(`  ${words}`)]];
};

/** `12.0 of 48.0 MiB`. */
const bytesText = ({ done, total }: Bytes): string => {
  const [some, all] = [byteSize(done), byteSize(total)];
  const unit = all.slice(all.indexOf(' '));
  return `${some.endsWith(unit) ? some.slice(0, -unit.length) : some} of ${all}`;
};

/** Several things may be done at once; more than these are counted. */
const shownSteps = 3;

interface Doing {
  readonly id: string;
  readonly title: string;
  readonly since: number | undefined;
  readonly bytes: Bytes | undefined;
}

/** Checks come and go, several a second: only one that takes its time is worth a line. */
const shownFrom = 1000;

/** What a host is doing: its steps, then what moves without being part of one. */
export const doings = ({ steps, transfers, commands }: HostBoard, now: number): readonly Doing[] => {
  const ofSteps = steps.map((step) => ({ ...step, bytes: transfers.get(step.id) }));
  const ofCommands = [...commands]
    .filter(([id, { since }]) => now - since >= shownFrom || transfers.has(id))
    .filter(([id]) => !steps.some((step) => step.id === id))
    .map(([id, { since }]) => ({ id, title: id, since, bytes: transfers.get(id) }));
  const known = [...ofSteps, ...ofCommands];
  const others = [...transfers].filter(([id]) => isAddress(id) && !known.some((doing) => doing.id === id));
  return [
    ...known,
    ...others.map(([id, bytes]) => ({ id, title: `fetch ${basename(id)}`, since: undefined, bytes })),
  ];
};

/** Contents are sent ahead of the step that they belong to: those are told when it begins. */
const isAddress = (id: string): boolean => id.includes('://');

const doingLine = ({ title, since, bytes }: Doing, now: number, width: number): Line => [
  ...(bytes === undefined
    ? []
    : [
        { text: bar(bytes.done, bytes.total, barWidth(width)), colour: 'cyan' } as const,
        plain(` ${bytesText(bytes)}  `),
      ]),
  dim(printable(title)),
  ...(since === undefined || now - since < 1000 ? [] : [dim(`  ${clock(now - since)}`)]),
];

const oneLine = (text: string): string => printable(text).replace(/\s+/g, ' ').trim();

/** What a host is doing, a line for each thing; then what was noted meanwhile. */
export const doingLines = (host: HostBoard, now: number, width: number): readonly Line[] => {
  const all = doings(host, now);
  const more = all.length - shownSteps;
  return [
    ...all.slice(0, shownSteps).map((doing) => doingLine(doing, now, width)),
    ...(more > 0 ? [[dim(`and ${more} more`)]] : []),
    ...(host.note === undefined ? [] : [[{ text: oneLine(host.note), colour: 'yellow' } as const]]),
  ];
};

/** The same in few words, or what it waits for: for one line among many. */
export const doingText = (host: HostBoard, now: number): string => {
  if (host.note !== undefined) return oneLine(host.note);
  const [doing] = doings(host, now);
  if (doing === undefined) return '';
  const bytes = doing.bytes === undefined ? '' : `${bytesText(doing.bytes)}  `;
  return `${bytes}${printable(doing.title)}`;
};

/** The commands that the host runs, each in one line. */
export const commandTexts = ({ commands }: HostBoard): readonly string[] =>
  [...commands.values()].map(({ command }) => `$ ${printable(command).replace(/\s*\n\s*/g, ' ⏎ ')}`);
