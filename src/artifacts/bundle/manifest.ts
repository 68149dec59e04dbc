import { z } from 'zod';

/** The first member of a bundle; it lists all others in their order. */
export const manifestPath = 'manifest.json';
/** The second. */
export const lockPath = 'berth.lock';

const member = z.strictObject({
  path: z
    .string()
    .regex(/^[^/\0]+(\/[^/\0]+)*$/, 'is no relative path')
    .refine((path) => !path.split('/').some((part) => part === '.' || part === '..'), 'leaves its folder'),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.int().nonnegative(),
});

export const manifestSchema = z.strictObject({
  kind: z.literal('berth-bundle'),
  version: z.literal(1),
  members: z.array(member),
});

export type Manifest = z.output<typeof manifestSchema>;
export type Member = z.output<typeof member>;

/** Where things lie inside a bundle. `distribution` is the lock's key, e.g. `debian:12/x64`. */
export const memberPaths = {
  program: (key: string, arch: string): string => `artifacts/${key.replace(' ', '-')}-${arch}`,
  release: (arch: string, name: string): string => `release/${arch}/${name}`,
  image: (sha256: string): string => `image/sha256/${sha256}`,
  packages: (distribution: string, file: string): string =>
    `packages/${distribution.replaceAll(/[:/]/g, '-')}/${file}`,
} as const;
