import { open } from 'node:fs/promises';
import { ownVersion } from '../core/own-version.ts';
import { looksLikePlan, parsePlanFile, type SavedPlan } from '../flows/saved-plan.ts';

/** Long enough to tell what a file is. */
const headBytes = 256;

/**
 * The saved plan in a file; undefined when it is none, whatever its name: a profile, or nothing that can be read.
 * @throws Fail `BadUsage` for a plan that is damaged or another berth's
 */
export const readPlanFile = async (path: string): Promise<SavedPlan | undefined> => {
  const file = await open(path, 'r').catch(() => undefined);
  // Who reads it as a profile says what is wrong with it.
  if (file === undefined) return undefined;
  await using opened = file;
  if (!(await opened.stat()).isFile()) return undefined;
  const head = Buffer.alloc(headBytes);
  const { bytesRead } = await opened.read(head, 0, headBytes, 0);
  if (!looksLikePlan(head.subarray(0, bytesRead).toString('utf8'))) return undefined;
  return parsePlanFile((await opened.readFile()).toString('utf8'), path, await ownVersion());
};
