/** A remark that the page of a job shows by itself, and at a line of a file where it has one. */
export interface Annotation {
  readonly level: 'error' | 'warning';
  readonly title: string;
  readonly message: string;
  /** Absolute, so that it is found from wherever berth was started. Lines and columns count from 1. */
  readonly at?: { readonly file: string; readonly line: number; readonly column: number };
}

/** What stands before and after lines that belong together; each ends with a line end. */
export interface GroupMarks {
  open(at: Date): string;
  /** Absent where nothing is hidden until it is closed. */
  close?(at: Date): string;
}

/** How the log of a CI system wants to be written. */
export interface Dialect {
  /** Lines that come while berth works. `number` is the group's own in the whole run. */
  group(title: string, number: number): GroupMarks;
  /** A result that is long and says nothing alarming: the title is all that shows until somebody looks. */
  folded(title: string, text: string, number: number, at: Date): string;
  /** Empty where the system has no such thing. */
  annotation(annotation: Annotation): string;
  /** Text in which nothing is taken for one of the marks, whoever wrote it. */
  quoted(text: string): string;
}

/** `2026-11-25T22:31:04Z`: UTC, because the reader of a log and the machine that wrote it may be far apart. */
export const timestamp = (at: Date): string => `${at.toISOString().slice(0, 19)}Z`;
