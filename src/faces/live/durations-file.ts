import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { z } from 'zod';
import { type Sample, samplesWith } from './estimate.ts';

const phases = ['connect', 'probe', 'plan', 'prepare', 'apply', 'verify', 'rollback', 'reset'] as const;
const grades = ['smoke', 'node', 'full', 'reboot'] as const;

const fileForm = z.object({
  version: z.literal(1),
  samples: z.array(
    z.object({
      profile: z.string(),
      host: z.string(),
      phase: z.enum(phases),
      milliseconds: z.number().nonnegative(),
      count: z.number().nonnegative(),
      grades: z.array(z.enum(grades)).optional(),
    }),
  ),
});

const anyVersion = z.object({ version: z.number().refine((version) => version !== 1) });

/** Where programs keep what they remember from run to run (XDG Base Directory Specification 0.8). */
export const durationsFile = (environment: NodeJS.ProcessEnv): string => {
  const base = environment['XDG_STATE_HOME'] ?? '';
  // The specification: a relative path is to be ignored.
  const folder = isAbsolute(base) ? base : join(environment['HOME'] || homedir(), '.local', 'state');
  return join(folder, 'berth', 'durations.json');
};

/**
 * What earlier runs took. It is a comfort and never in the way: a file that is not there or cannot be read says nothing.
 */
export const readDurations = (path: string): readonly Sample[] => {
  const found = readForm(path);
  return found === 'of another version' ? [] : found;
};

/**
 * Adds samples to the file, which is whole at every moment; of two runs that end at once the last one wins. A file of
 * another version is left alone.
 */
export const keepDurations = (path: string, fresh: readonly Sample[]): void => {
  const found = readForm(path);
  if (found === 'of another version') return;
  const temporary = `${path}.${process.pid}`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const form = { version: 1, samples: samplesWith(found, fresh) };
    writeFileSync(temporary, JSON.stringify(form), { mode: 0o600, flush: true });
    renameSync(temporary, path);
  } catch {
    // A folder that cannot be written to costs the estimates of the next run and nothing else.
    removeQuietly(temporary);
  }
};

const readForm = (path: string): readonly Sample[] | 'of another version' => {
  try {
    const form: unknown = JSON.parse(readFileSync(path, 'utf8'));
    const read = fileForm.safeParse(form);
    if (read.success) return read.data.samples;
    return anyVersion.safeParse(form).success ? 'of another version' : [];
  } catch {
    return [];
  }
};

const removeQuietly = (path: string): void => {
  try {
    rmSync(path, { force: true });
  } catch {
    // It could not be made either.
  }
};
