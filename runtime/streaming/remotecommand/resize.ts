import type { Resize } from '../../shim/protocol/messages.ts';

const MAX_PENDING_CHARACTERS = 4096;

/**
 * Reads the terminal sizes of a resize stream: JSON objects one behind the other, cut anywhere into chunks.
 * The objects are flat, so each ends at its first closing brace. What is no size is passed over, as a terminal of
 * the wrong size is better than none.
 */
export class ResizeReader {
  #pending = '';

  read(chunk: Buffer): Resize[] {
    const objects = (this.#pending + chunk.toString('latin1')).split('}');
    this.#pending = (objects.pop() ?? '').slice(0, MAX_PENDING_CHARACTERS);
    return objects.map((text) => parseSize(`${text}}`)).filter((size) => size !== undefined);
  }
}

const parseSize = (text: string): Resize | undefined => {
  const size = parseObject(text);
  const width = size?.['Width'];
  const height = size?.['Height'];
  return isCells(width) && isCells(height) ? { width, height } : undefined;
};

const parseObject = (text: string): Record<string, unknown> | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
};

/** struct winsize holds 16 bits. */
const isCells = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0xffff;
