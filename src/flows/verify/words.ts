import type { Readable } from 'node:stream';
import { z } from 'zod';

/** What the scripts say of their work while they are at it, on standard error: see prelude.sh. */
export type Word =
  | { readonly kind: 'at'; readonly id: string; readonly command: string }
  | { readonly kind: 'over'; readonly id: string }
  /** Compressed bytes of the layers that the host lacked when the pull began. */
  | { readonly kind: 'pull'; readonly id: string; readonly done: number; readonly total: number };

/** The parts that we read of what berthd writes of a pull that runs. */
const pull = z.object({ bytes: z.number(), bytesDone: z.number() });

const pullIn = (text: string): z.output<typeof pull> | undefined => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return pull.safeParse(value).data;
};

/** Undefined for a line that says something else. */
export const parseWord = (line: string): Word | undefined => {
  const [kind, id = '', ...rest] = line.split('\t');
  const text = rest.join('\t');
  if (id === '') return undefined;
  if (kind === 'at' && text !== '') return { kind, id, command: text };
  if (kind === 'over') return { kind, id };
  if (kind !== 'pull') return undefined;
  const said = pullIn(text);
  return said === undefined ? undefined : { kind, id, done: said.bytesDone, total: said.bytes };
};

/** More than any word and most complaints are long. */
const longestLine = 8192;

/** Hands on the words of `stderr`. The answer tells the end of everything else there: the complaints of the script itself. */
export const listen = (stderr: Readable, onWord: (word: Word) => void): (() => string) => {
  const decoder = new TextDecoder();
  let rest = '';
  let complaints = '';
  const take = (line: string): void => {
    const word = parseWord(line);
    if (word === undefined) complaints = `${complaints}${line}\n`.slice(-longestLine);
    else onWord(word);
  };
  stderr.on('data', (chunk: Buffer) => {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = (lines.pop() ?? '').slice(-longestLine);
    for (const line of lines) take(line);
  });
  return () => complaints + rest;
};
