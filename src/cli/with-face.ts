import { asFail } from '../core/as-fail.ts';
import { bothFaces } from '../faces/both-faces.ts';
import type { Face } from '../faces/face.ts';
import { type FaceChoice, openFace } from '../faces/open-face.ts';
import { scrubbedFailure } from '../faces/scrubbed.ts';
import { exitCodeOf } from './exit-codes.ts';
import { openSummary, type SummaryOptions } from './summary-file.ts';

/** @throws Fail as `openSummary` does */
const withSummary = (shown: Face, options: SummaryOptions): Face => {
  const summary = openSummary(options, (message) => shown.emit({ kind: 'note', level: 'warn', message }));
  return summary === undefined ? shown : bothFaces(shown, summary);
};

/**
 * Does `work` with a face that fits the options, which tells the page of a job too, and tells what `work` throws as its last
 * words. The answer is the exit code.
 */
export const withFace = async (
  options: FaceChoice & SummaryOptions,
  work: (face: Face) => Promise<number>,
): Promise<number> => {
  let face = await openFace(options);
  try {
    face = withSummary(face, options);
    return await work(face);
  } catch (error) {
    const fail = scrubbedFailure(asFail(error));
    const exitCode = exitCodeOf(fail);
    face.failure(fail);
    face.end(exitCode);
    return exitCode;
  }
};
