import { duration } from '../../core/text.ts';
import type { HostBoard, PhaseBoard } from './board.ts';
import { currentPhase } from './board.ts';
import { bold, dim, type Line, plain, rowsOf } from './line.ts';
import {
  colours,
  commandTexts,
  countText,
  doingLines,
  marks,
  phaseLines,
  timeText,
} from './progress-lines.ts';
import { expected, type LiveState } from './state.ts';
import { toldPhases } from './told-phases.ts';
import { troubleLines } from './trouble-lines.ts';

const phaseRow = (name: string, phase: PhaseBoard, state: LiveState, now: number): Line => {
  const estimate = expected(state, name, phase);
  const { milliseconds } = phase;
  const time = milliseconds === undefined ? timeText(now - phase.since, estimate) : duration(milliseconds);
  const words = [countText(phase, milliseconds === undefined ? estimate : undefined), time];
  return [
    { text: ` ${marks[phase.state]} `, colour: colours[phase.state] },
    plain(phase.phase.padEnd(10)),
    dim(words.filter((text) => text !== '').join('   ')),
  ];
};

const atWork = (name: string, host: HostBoard, state: LiveState, now: number, width: number): Line[] => {
  const phase = currentPhase(host);
  const lines = [
    ...phaseLines(host, now, phase === undefined ? undefined : expected(state, name, phase), width),
    ...doingLines(host, now, width),
    ...commandTexts(host).flatMap((command) => rowsOf(command, width).map((row): Line => [plain(row)])),
  ];
  return lines.length === 0 ? [] : [[], ...lines.map((line): Line => [plain('   '), ...line])];
};

/** One host, with all of what went wrong there. As many lines as it takes. */
export const hostView = (
  [name, host]: readonly [string, HostBoard],
  state: LiveState,
  { now, columns }: { readonly now: number; readonly columns: number },
): readonly Line[] => {
  const { green, red, notRun } = host.checks;
  const checks = [
    ...(green > 0 ? [`${green} green`] : []),
    ...(red > 0 ? [`${red} red`] : []),
    ...(notRun > 0 ? [`${notRun} not run`] : []),
  ];
  return [
    [bold(name), dim(checks.length === 0 ? '' : `   checks: ${checks.join(', ')}`)],
    ...toldPhases(host.phases).map((phase) => phaseRow(name, phase, state, now)),
    ...(host.phases.length === 0 ? [[dim('   waiting')]] : []),
    ...atWork(name, host, state, now, columns - 6),
    ...host.troubles.flatMap((trouble): Line[] => [
      [],
      ...troubleLines(trouble, { width: columns - 1 }).map((line) => [plain(' '), ...line]),
    ]),
  ];
};
