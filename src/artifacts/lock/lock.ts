import { z } from 'zod';

/*
 * berth.lock: exactly what the hosts of a profile get. The schema is the one description of the file; docs/lock.md
 * tells people what each part promises.
 */

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'is no sha256 in hexadecimal digits');
const text = z.string().min(1);
const bytes = z.int().nonnegative();
const architecture = z.enum(['x64', 'arm64']);

/** What is known of who made a thing, beyond its digest. */
const signature = z.discriminatedUnion('kind', [
  /** Nobody signed it, or the signature could not be had; `why` says which. */
  z.strictObject({ kind: z.literal('none'), why: text }),
  /** An npm registry signed name, version and integrity with this key; berth has checked it. */
  z.strictObject({ kind: z.literal('npm-registry'), key: text, signature: text }),
  /** rpm has checked it with this key, which the host that was asked trusts. */
  z.strictObject({ kind: z.literal('rpm'), key: text }),
]);

/** How a program came to be: the release's archive, or a build from the module's source. */
export const programOrigin = z.union([
  z.strictObject({
    archive: z.strictObject({ name: text, sha256, bytes, addresses: z.array(text).min(1) }),
  }),
  z.strictObject({
    go: z.strictObject({
      module: text,
      /** As go.sum has it, and the checksum database signs it. */
      sum: z.string().regex(/^h1:/, 'is no hash of a Go module'),
      /** Another toolchain makes other bytes. */
      toolchain: z.string().regex(/^go\d/, 'is no version of Go'),
    }),
  }),
]);

const program = z.strictObject({ sha256, bytes, from: programOrigin });

const artifact = z.strictObject({ signature, files: z.partialRecord(architecture, program) });

const releaseFile = z.strictObject({
  sha256,
  bytes,
  mode: z.string().regex(/^0[0-7]{3}$/, 'is no file mode such as 0755'),
  /** npm package that it was taken from; absent: compiled from berth's own sources. */
  npm: z.strictObject({ package: text, version: text, integrity: text, address: text, signature }).optional(),
});

const release = z.strictObject({ version: text, files: z.record(text, releaseFile) });

const blob = z.strictObject({ sha256, bytes });

const image = z.strictObject({ index: blob, manifest: blob, blobs: z.array(blob).min(1) });

/** One package, as the signed metadata of its repository tells of it. */
const distributionPackage = z.strictObject({
  version: text,
  arch: text,
  file: z.string().regex(/^[^/\s]+$/, 'is no file name'),
  sha256,
  bytes,
  address: text,
  /** Of packages that are signed each on its own, as RPMs are; of others their repository's metadata are. */
  signature: signature.optional(),
});

const distribution = z.strictObject({
  manager: z.enum(['apt', 'dnf']),
  /** What the profile asks for by name. */
  wanted: z.array(text),
  /** These, and everything that they need and a bare system lacks, by name. */
  packages: z.record(text, distributionPackage),
});

export const lockSchema = z.strictObject({
  version: z.literal(1),
  architectures: z.array(architecture).min(1),
  /** By name and version, as in `crictl 1.37.0`. */
  artifacts: z.record(text, artifact),
  release: z.partialRecord(architecture, release),
  /** The image of the walk-through, where berth makes it. */
  image: z.partialRecord(architecture, image).optional(),
  /** By distribution, release and architecture, as in `debian:12/x64`; absent: packages are not locked. */
  packages: z.record(text, distribution).optional(),
});

export type Lock = z.output<typeof lockSchema>;
export type LockedArtifact = z.output<typeof artifact>;
export type LockedProgram = z.output<typeof program>;
export type LockedRelease = z.output<typeof release>;
export type LockedImage = z.output<typeof image>;
export type LockedDistribution = z.output<typeof distribution>;
export type LockedPackage = z.output<typeof distributionPackage>;
export type Signature = z.output<typeof signature>;

export const artifactKey = (name: string, version: string): string => `${name} ${version}`;

/** The key of a distribution's packages; `versionId` is empty on rolling distributions. */
export const distributionKey = (os: { id: string; versionId: string }, arch: string): string =>
  `${os.id}${os.versionId === '' ? '' : `:${os.versionId}`}/${arch}`;
