import type { Fields } from '../observe/log.ts';

/**
 * What a request is about, for the line of the log that tells of its failure: among a hundred pods the error itself
 * seldom says whose it is. Names and ids alone; nothing else of a request goes into the log.
 */
export const subjectOf = (request: unknown): Fields => {
  const metadata = ['config', 'metadata'];
  return {
    pod: textAt(request, ['podSandboxId']),
    container: textAt(request, ['containerId']),
    namespace: textAt(request, [...metadata, 'namespace']),
    name: textAt(request, [...metadata, 'name']),
    image: textAt(request, ['image', 'image']),
  };
};

/** Longer ones are nobody's name. */
const MOST_CHARACTERS = 256;

/** Undefined where there is none, or an empty one. */
const textAt = (request: unknown, path: readonly string[]): string | undefined => {
  let value = request;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Reflect.get(value, key);
  }
  return typeof value === 'string' && value !== '' ? value.slice(0, MOST_CHARACTERS) : undefined;
};
