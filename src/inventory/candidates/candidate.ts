/** A host that another tool knows, and that could become one of a profile. */
export interface Candidate {
  /** A name that the profile may give it. */
  readonly name: string;
  /** What stands in the profile beside the name: `ssh`, or another way to a host. */
  readonly way: Readonly<Record<string, unknown>>;
  /** Groups that the tool has it in, by names that a profile may use. */
  readonly groups: readonly string[];
  /** For people: what it is there, as `web-1 in [web]`. */
  readonly about: string;
}

/** What a tool knows. */
export interface Found {
  readonly candidates: readonly Candidate[];
  /** What it says and was not taken over, in sentences for people. */
  readonly remarks: readonly string[];
}

/** A name for berth, made of one that may hold other characters: letters, digits, dots and dashes. */
export const hostNameOf = (text: string): string =>
  text
    .replace(/[^A-Za-z0-9.-]+/g, '-')
    .replace(/^[.-]+|[.-]+$/g, '')
    .slice(0, 63)
    .replace(/[.-]+$/, '');
