import { ownVersion } from '../core/own-version.ts';
import { asProduction } from './as-production.ts';
import { dialectOf } from './ci/surroundings.ts';
import type { Face } from './face.ts';
import { jsonFace } from './json.ts';
import { canBeLive } from './live/terminal.ts';
import { plainProgress } from './plain.ts';
import { styleFor } from './style.ts';
import { textFace } from './text-face.ts';

export interface FaceChoice {
  readonly json: boolean;
  /** No live view, whatever the terminal can. */
  readonly ci: boolean;
  readonly verbose: boolean;
}

/** The face of a command: JSON lines, the live view on a terminal, plain lines elsewhere. */
export const openFace = async (
  choice: FaceChoice,
  out = process.stdout,
  err = process.stderr,
): Promise<Face> => {
  if (choice.json) return jsonFace(out, await ownVersion());
  const { verbose } = choice;
  if (choice.ci || !canBeLive(out, process.env)) {
    const dialect = dialectOf(process.env);
    const progress = plainProgress(out, { style: styleFor(out), verbose, dialect });
    return textFace({ progress, out, err, verbose, dialect });
  }
  // ink and react take their time to load: only who sees them waits for them.
  const { LiveProgress } = await asProduction(() => import('./live/live.ts'));
  return textFace({ progress: new LiveProgress(out, { verbose }), out, err, verbose });
};
