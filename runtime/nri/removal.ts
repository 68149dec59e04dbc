/** NRI: a name that begins so asks for the removal of what has the rest as its name. */
export const REMOVAL = '-';

/** The name that is to go, or undefined when the name asks for no removal. */
export const removed = (name: string): string | undefined =>
  name.startsWith(REMOVAL) ? name.slice(REMOVAL.length) : undefined;
