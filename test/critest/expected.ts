import { existsSync, readFileSync } from 'node:fs';
import type { SpecOutcome } from './report.ts';

/** A spec that may fail, or be skipped, where a condition holds. */
export interface Expectation {
  readonly name: string;
  readonly outcome: 'failed' | 'skipped';
  readonly where: string;
}

const APPARMOR = '/sys/module/apparmor/parameters/enabled';

/** The conditions that expected.md may name. */
const CONDITIONS: Readonly<Record<string, () => boolean>> = {
  everywhere: () => true,
  'without AppArmor': () => !existsSync(APPARMOR) || !readFileSync(APPARMOR, 'utf8').startsWith('Y'),
};

/** The rows of a table `| Spec | Outcome | Where | Reason |` of a Markdown text. Throws for a row that makes no sense. */
export const parseExpectations = (text: string): readonly Expectation[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^\| *(Spec|-+) *\|/.test(line))
    .map((line) => {
      const [, name = '', outcome = '', where = '', reason = '', ...rest] = line
        .split('|')
        .map((cell) => cell.trim());
      if (outcome !== 'failed' && outcome !== 'skipped')
        throw new Error(`expected.md: an outcome is failed or skipped, not ${outcome}: ${line}`);
      if (!(where in CONDITIONS)) throw new Error(`expected.md: there is no condition ${where}: ${line}`);
      if (name === '' || reason === '' || rest.length !== 1)
        throw new Error(`expected.md: a row needs a spec, an outcome, where and a reason: ${line}`);
      return { name, outcome, where };
    });

/** Those of the rows that hold on this machine. */
export const expectedHere = (all: readonly Expectation[]): readonly Expectation[] =>
  all.filter(({ where }) => CONDITIONS[where]?.() === true);

/** What is not as expected, in words, for both directions: a spec that is listed and passes is wrong too. */
export const differences = (
  outcomes: readonly SpecOutcome[],
  expected: readonly Expectation[],
): readonly string[] => {
  const listed = new Map(expected.map((row) => [row.name, row.outcome]));
  const ran = new Set(outcomes.map(({ name }) => name));
  return [
    ...outcomes
      .filter(({ name, outcome }) => outcome !== (listed.get(name) ?? 'passed'))
      .map(
        (spec) =>
          `${spec.name}: ${spec.outcome}, but ${listed.get(spec.name) ?? 'passed'} was expected${why(spec)}`,
      ),
    ...[...listed.keys()]
      .filter((name) => !ran.has(name))
      .map((name) => `${name}: expected.md lists it, but critest has no such spec`),
  ];
};

const why = ({ message, output }: SpecOutcome): string =>
  message === '' ? '' : `\n${message}\n${output.slice(-4096)}`.replaceAll('\n', '\n    ');
