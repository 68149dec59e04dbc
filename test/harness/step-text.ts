import type { Step } from '../../src/resources/change.ts';

/** What a step writes, where that is text. */
export const textOfStep = ({ content }: Extract<Step, { kind: 'write' }>): string => {
  if (content.kind !== 'text') throw new Error('the step writes no plain text');
  return content.text;
};
