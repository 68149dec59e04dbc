import type { Face } from './face.ts';
import { jsonFace } from './json.ts';
import { plainProgress } from './plain.ts';
import { styleFor } from './style.ts';
import { textFace } from './text-face.ts';

export interface FaceChoice {
  readonly json: boolean;
  /** No live view, whatever the terminal can. */
  readonly ci: boolean;
  readonly verbose: boolean;
}

/** Whether the live view would be readable on `out`. */
const canBeLive = (out: NodeJS.WriteStream, choice: FaceChoice): boolean =>
  !choice.ci && out.isTTY && process.env['TERM'] !== 'dumb' && process.env['CI'] === undefined;

/** The face of a command: JSON lines, the live view on a terminal, plain lines elsewhere. */
export const openFace = async (
  choice: FaceChoice,
  out = process.stdout,
  err = process.stderr,
): Promise<Face> => {
  if (choice.json) return jsonFace(out);
  const { verbose } = choice;
  if (!canBeLive(out, choice))
    return textFace({ progress: plainProgress(out, { style: styleFor(out), verbose }), out, err, verbose });
  // ink and react take their time to load: only who sees them waits for them.
  const { liveProgress } = await import('./live/live.ts');
  return textFace({ progress: liveProgress(out, { verbose }), out, err, verbose });
};
