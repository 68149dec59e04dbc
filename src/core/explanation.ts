/** One place of a profile that says a value. */
export interface Saying {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The path within the file. */
  readonly path: string;
  /** In words: `the group edge`, `the overlay prod.yaml`. */
  readonly layer: string;
  /** It decides, or gives a variable of what decides its value, or was won over. */
  readonly part: 'decides' | 'variable' | 'won over';
  readonly value: unknown;
  /** As the file has it, when that names variables. */
  readonly written?: string;
}

/** A file of the host that a value decides about. */
export interface ExplainedFile {
  readonly path: string;
  /** Lines that are others when the value is another; counted from 1. */
  readonly lines: readonly { readonly number: number; readonly text: string }[];
  /** Settings of the file that are others then, where its format has such: `crio.network.cni_default_network`. */
  readonly settings: readonly string[];
  /** What lies there on the host; undefined: the host was not asked. */
  readonly onHost?: 'as rendered' | 'differs' | 'absent';
}

/** Where a value of a host comes from and what becomes of it. */
export interface Explanation {
  readonly host: string;
  readonly path: string;
  /** What is wanted, defaults and what every node needs included. */
  readonly value: unknown;
  /** What decides, its variables, and what was won over, the nearest first. Empty: only the default says it. */
  readonly sayings: readonly Saying[];
  readonly fallback: unknown;
  readonly files: readonly ExplainedFile[];
  /** What else is done to the host for its sake, in words. */
  readonly deeds: readonly string[];
  /** What counts on the host; undefined: the host was not asked. */
  readonly effective?: readonly string[];
}
