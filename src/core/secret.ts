import { inspect } from 'node:util';

/** What stands in place of a secret wherever something is shown. */
export const mask = '•••';

/** Shorter ones would hide half of every line, and protect nobody. */
export const shortestSecret = 4;

/** What shows as `•••` however it is printed, logged or put into JSON. */
class Masked {
  toString(): string {
    return mask;
  }

  toJSON(): string {
    return mask;
  }

  [inspect.custom](): string {
    return mask;
  }
}

/**
 * A value that must not be seen. It shows as `•••` however it is printed, logged or put into JSON; only `reveal` gives it
 * away, to what needs it. What it is made of is known to `scrub` from then on.
 */
export class Secret extends Masked {
  readonly #value: string;

  constructor(value: string, isAllSecret = true) {
    super();
    this.#value = value;
    if (isAllSecret) remember(value);
  }

  /** A text of which only parts are secret, each of them known already: its other parts may be seen elsewhere. */
  static around(text: string): Secret {
    return new Secret(text, false);
  }

  /** The value itself: for a host, a program's input or a file that only root may read. */
  reveal(): string {
    return this.#value;
  }
}

/**
 * Text of others that is nobody's business here and may have to be handed on: it shows as `•••` wherever it is printed or
 * put into JSON. Unlike a `Secret` it is not masked elsewhere: nothing repeats it before it is opened.
 */
export class Sealed extends Masked {
  readonly #text: string;

  constructor(text: string) {
    super();
    this.#text = text;
  }

  open(): string {
    return this.#text;
  }
}

const known = new Set<string>();
let pattern: RegExp | undefined;

/** A secret of several lines is often shown in parts, and a text within JSON or a shell's quotes is written otherwise. */
const formsOf = (value: string): string[] => [
  value,
  ...value.split('\n'),
  JSON.stringify(value).slice(1, -1),
  value.replaceAll("'", String.raw`'\''`),
  Buffer.from(value, 'utf8').toString('base64'),
  encodeURIComponent(value),
];

const remember = (value: string): void => {
  for (const form of formsOf(value)) if (form.trim().length >= shortestSecret) known.add(form);
  pattern = undefined;
};

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');

/** Whether any secret was read: what comes before needs no looking at. */
export const hasSecrets = (): boolean => known.size > 0;

/** `text` with every secret that was read so far masked; for all that goes to a terminal, a log or a file of results. */
export const scrub = (text: string): string => {
  if (known.size === 0) return text;
  // Longer forms first: a line of a key must not be masked within the key and leave the rest.
  pattern ??= new RegExp(
    [...known]
      .sort((one, other) => other.length - one.length)
      .map(escaped)
      .join('|'),
    'g',
  );
  return text.replace(pattern, mask);
};
