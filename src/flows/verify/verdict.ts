import type { Frame } from './frame.ts';

/** What a check makes of a frame. `detail` is one line. */
export interface Verdict {
  readonly ok: boolean;
  readonly detail: string;
  readonly remedy?: string;
}

export const green = (detail: string): Verdict => ({ ok: true, detail });
export const red = (detail: string, remedy?: string): Verdict => ({
  ok: false,
  detail,
  ...(remedy === undefined ? {} : { remedy }),
});

/** Green, and worth a word: what to do about it. */
export const warned = (detail: string, remedy: string): Verdict => ({ ok: true, detail, remedy });

/** How a check is called, and how it judges. */
export interface Judge {
  readonly title: string;
  /** Called for a step that ended well; a step that failed is red without a question. */
  readonly judge: (frame: Frame) => Verdict;
  /** The likely remedy when the step itself failed. */
  readonly remedy?: string;
}

/** A check of which the exit status says all. */
export const done = (title: string, detail: string, remedy?: string): Judge => ({
  title,
  judge: () => green(detail),
  ...(remedy === undefined ? {} : { remedy }),
});

/** Exit status of timeout(1) when it had to end the command. */
const timedOut = 124;
const notFound = 127;
/** Of a step that was not run, as prelude.sh tells it; its words say why. */
const notRun = 77;

export const wasRun = (frame: Frame): boolean => frame.status !== notRun;

const lineOf = (text: string): string | undefined =>
  text
    .split('\n')
    .map((line) => line.trim())
    .findLast((line) => line !== '');

/** crictl logs in logfmt: its message says more than the line around it. */
const withoutLogfmt = (line: string): string => {
  const quoted = /\bmsg=("(?:[^"\\]|\\.)*")/.exec(line)?.[1];
  return quoted === undefined ? line : String(JSON.parse(quoted));
};

const failureOf = (frame: Frame): string => {
  if (frame.status === timedOut) return `no answer within ${Math.round(frame.milliseconds / 1000)} s`;
  const line = lineOf(frame.stderr) ?? lineOf(frame.stdout) ?? `exit status ${frame.status}`;
  return withoutLogfmt(line);
};

/** The verdict on a frame: its own judge decides only about steps that ended well. */
export const verdictOf = (frame: Frame, judge: Judge): Verdict => {
  if (frame.status === 0) return judge.judge(frame);
  if (!wasRun(frame)) return red(frame.stderr.trim());
  const remedy = frame.status === notFound ? 'the program is not on the host: run berth apply' : judge.remedy;
  return red(failureOf(frame), remedy);
};
