import type { Dialect, GroupMarks } from './dialect.ts';

/*
 * Sections of GitLab's job log (https://docs.gitlab.com/ci/jobs/job_logs/). A mark needs an escape character and a carriage
 * return, which no text of others still has when it is printed: nothing has to be quoted.
 */

const seconds = (at: Date): number => Math.floor(at.getTime() / 1000);

/** Titles repeat within a job, and so may whole runs of berth: names must not. */
const nameOf = (title: string, number: number): string =>
  `berth_${process.pid}_${number}_${title.toLowerCase().replace(/[^a-z0-9]+/g, '_')}`.slice(0, 80);

const marks = (title: string, number: number): Required<GroupMarks> => {
  const name = nameOf(title, number);
  return {
    open: (at) => `\u001b[0Ksection_start:${seconds(at)}:${name}[collapsed=true]\r\u001b[0K${title}\n`,
    close: (at) => `\u001b[0Ksection_end:${seconds(at)}:${name}\r\u001b[0K\n`,
  };
};

export const gitlab: Dialect = {
  group: marks,
  folded(title, text, number, at) {
    const { open, close } = marks(title, number);
    return `${open(at)}${text}${close(at)}`;
  },
  annotation: () => '',
  quoted: (text) => text,
};
