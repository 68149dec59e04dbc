import { appendFileSync, closeSync, openSync } from 'node:fs';
import type { Fail } from '../core/fail.ts';
import type { Face } from '../faces/face.ts';
import { markdownText } from '../faces/markdown.ts';
import { summaryFace } from '../faces/summary.ts';
import { unwritable } from './write-whole.ts';

export interface SummaryOptions {
  /** Takes what came of the run, as Markdown. */
  readonly summary?: string;
}

/** The command and what it is about, as far as no option can have brought a secret. */
const titleOf = (argv: readonly string[]): string => {
  const end = argv.findIndex((word) => word.startsWith('-'));
  return ['berth', ...(end < 0 ? argv : argv.slice(0, end))].join(' ');
};

/**
 * A face that appends what came of the run to `--summary`, or to the file that GitHub Actions names for the page of the job;
 * undefined where there is neither. Commands that follow each other share the file.
 * @throws Fail `BadUsage` when the file that was asked for cannot be opened, `DiskFull` when there is no room for it
 */
export const openSummary = (
  { summary }: SummaryOptions,
  onBroken: (why: string) => void,
  env: NodeJS.ProcessEnv = process.env,
): Face | undefined => {
  const path = summary ?? env['GITHUB_STEP_SUMMARY'];
  if (path === undefined || path === '') return undefined;
  const broken = (cause: unknown): Fail => unwritable(`the summary ${path}`, cause);
  let descriptor: number;
  try {
    descriptor = openSync(path, 'a');
  } catch (cause) {
    if (summary !== undefined) throw broken(cause);
    // Nobody asked for it by name: the hosts matter more.
    onBroken(broken(cause).message);
    return undefined;
  }
  return summaryFace((told) => {
    try {
      appendFileSync(descriptor, markdownText(titleOf(process.argv.slice(2)), told));
    } catch (cause) {
      onBroken(broken(cause).message);
    } finally {
      closeSync(descriptor);
    }
  });
};
