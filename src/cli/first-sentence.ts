/** The first sentence of a description, on one line: enough where there is room for no more. */
export const firstSentence = (text: string): string =>
  (text.split(/(?<=\.)\s|\n\n/, 1)[0] ?? '').replace(/\s+/g, ' ').trim();
