import { Fail } from '../../core/fail.ts';

/** One step as the host reports it: see prelude.sh. */
export interface Frame {
  readonly id: string;
  readonly status: number;
  readonly milliseconds: number;
  readonly stdout: string;
  readonly stderr: string;
}

const decoded = (text: string): string => Buffer.from(text, 'base64').toString('utf8');

/**
 * A frame from its line; undefined for a line that is none: login shells like to print banners.
 * @throws Fail `CommandFailed` for a line that starts as a frame and is not whole.
 */
export const parseFrame = (line: string): Frame | undefined => {
  if (!line.startsWith('frame\t')) return undefined;
  const [, id = '', status = '', begin = '', end = '', stdout, stderr] = line.split('\t');
  if (stderr === undefined || !/^\d+$/.test(status) || !/^\d+$/.test(begin) || !/^\d+$/.test(end))
    throw new Fail('CommandFailed', `the host sent half an answer to the verification: ${line.slice(0, 80)}`);
  return {
    id,
    status: Number(status),
    // The clock of the host may be set while we measure; a time is never negative.
    milliseconds: Math.max(0, Number((BigInt(end) - BigInt(begin)) / 1000n) / 1000),
    stdout: decoded(stdout ?? ''),
    stderr: decoded(stderr),
  };
};

/** More than the longest frame: two outputs of 64 KiB in base64, and the rest. */
const longestLine = 256 * 1024;

/** The lines of a stream. @throws Fail `CommandFailed` when one never ends. */
export const linesOf = async function* (stream: AsyncIterable<Buffer | string>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream) {
    rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > longestLine)
      throw new Fail('CommandFailed', 'the host answered the verification with a line without end');
    yield* lines;
  }
  if (rest !== '') yield rest;
};
