import { Fail } from '../../core/fail.ts';
import type { Platform } from '../protocol.ts';
import type { IndexEntry } from './manifest.ts';

/** Variants that any processor of the architecture runs. */
const BASELINE: Readonly<Record<string, readonly (string | undefined)[]>> = {
  amd64: [undefined, 'v1'],
  arm64: ['v8', undefined],
};

/**
 * The entry of an index that this machine runs best: its own variant, else the baseline of its architecture.
 * Throws `NotFound` that lists what there is.
 */
export const selectPlatform = (
  entries: readonly IndexEntry[],
  platform: Platform,
  subject: string,
): IndexEntry => {
  const [only] = entries;
  if (only !== undefined && entries.length === 1 && only.platform === undefined) return only;
  const fitting = entries.filter(
    ({ platform: offered }) => offered?.os === platform.os && offered.architecture === platform.architecture,
  );
  for (const variant of wantedVariants(platform)) {
    const found = fitting.find(({ platform: offered }) => offered?.variant === variant);
    if (found !== undefined) return found;
  }
  throw new Fail(
    'NotFound',
    `${subject}: no image for ${describe(platform)}; there are: ${offers(entries)}`,
    {
      hint: 'use an image that was built for this processor',
    },
  );
};

const wantedVariants = (platform: Platform): readonly (string | undefined)[] => {
  const baseline = BASELINE[platform.architecture] ?? [undefined];
  return platform.variant === undefined ? baseline : [platform.variant, ...baseline];
};

const describe = (platform: { os: string; architecture: string; variant: string | undefined }): string =>
  [platform.os, platform.architecture, platform.variant].filter((part) => part !== undefined).join('/');

const offers = (entries: readonly IndexEntry[]): string =>
  entries
    .map(({ platform }) => (platform === undefined ? 'one without platform' : describe(platform)))
    .join(', ') || 'none';
