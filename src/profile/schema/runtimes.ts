import { z } from 'zod';
import { CRICTL_VERSION } from '../../artifacts/pins.ts';
import { httpAddress, section, text, version } from './values.ts';

/* The CRI runtime, the OCI runtimes below it, and the programs that they need. */

const sha256 = text(/^[0-9a-f]{64}$/, 'is no sha256: 64 hexadecimal digits');

/** Pins of a release's file. */
const checksums = section(
  {
    x64: sha256.meta({ description: 'sha256 of the release for x86-64.' }).optional(),
    arm64: sha256.meta({ description: 'sha256 of the release for arm64.' }).optional(),
  },
  'What the file of the release must be. Without it, the checksum that the project publishes beside it decides.',
);

/** Projects count in their own ways: 1.4.2, 1.26, 20260105.0, 0.0.0-20260905035102-160fafc42237. */
const releaseName = z
  .string({
    error: ({ input }) =>
      typeof input === 'number' ? `${input} is a number: write it as "${input}"` : undefined,
  })
  .regex(/^\d[0-9A-Za-z.+-]*$/, 'is no version: it begins with a digit, as in 1.4.2');

export const engine = section(
  {
    name: z
      .enum(['berth', 'cri-o'])
      .default('berth')
      .meta({ description: 'The runtime behind the CRI socket.' }),
    version: releaseName
      .meta({
        description:
          'Release of CRI-O, as in 1.35.2; for packages and upstream its minor, as in "1.35", is enough. It should be the minor of the kubelet.',
      })
      .optional(),
    source: z
      .enum(['packages', 'upstream', 'static', 'source'])
      .meta({
        description:
          "Where CRI-O comes from. packages: the distribution. upstream: CRI-O's own package repository of the minor, which is added to the host. static: the bundle of programs that CRI-O publishes. source: built on this machine from the Go module. Default: upstream.",
      })
      .optional(),
    sha256: checksums.optional(),
    buildTags: z
      .array(z.enum(['seccomp', 'apparmor', 'selinux']))
      .meta({ description: 'What CRI-O from source is built with. Default: all three.' })
      .optional(),
    repository: httpAddress
      .meta({
        description:
          'Mirror of the folder with the upstream repositories, in place of https://download.opensuse.org/repositories/isv:/cri-o:/stable:.',
      })
      .optional(),
    keySha256: sha256
      .meta({
        description:
          'sha256 of the file with the key of the upstream repository. Default: whatever its server sends over TLS.',
      })
      .optional(),
  },
  'The CRI runtime.',
);

/** What became of runtimes that people still ask for. */
const successors: readonly (readonly [RegExp, string])[] = [
  [/^(clear|intel-clear|cc)[-_]?(containers?|runtime|oci-runtime|cor)$|^cor$/i, 'Intel Clear Containers'],
  [/^(hyper[-_]?)?runv$/i, 'runV'],
];

const runtimeNames = ['runc', 'crun', 'runsc', 'kata', 'bwrap-oci'] as const;

const runtimeName = z
  .enum(runtimeNames, {
    error: ({ input }) => {
      const old = successors.find(([pattern]) => typeof input === 'string' && pattern.test(input))?.[1];
      return old === undefined
        ? undefined
        : `${old} is developed no more: it became a part of Kata Containers; write name: kata`;
    },
  })
  .meta({ description: 'Name of the runtime and of its handler. runsc is gVisor.' });

const way = z.enum(['package', 'release', 'source']);

export const ociRuntime = section(
  {
    name: runtimeName,
    source: way.default('package').meta({
      description:
        'package: of the distribution. release: the file that the project publishes. source: built from it, Go on this machine, C on the host.',
    }),
    version: releaseName
      .meta({
        description:
          'Release to install; needed unless it is a package. Of a package: the version that the host must have.',
      })
      .optional(),
    sha256: checksums.optional(),
    args: z
      .array(text(/^[^\s]+$/, 'is no word'))
      .default([])
      .meta({
        description:
          'Further words of its command line before the verb, such as --platform=systrap for runsc. With the engine berth alone.',
      }),
  },
  'One OCI runtime.',
);

export const cniPlugins = section(
  {
    source: way.default('package').meta({
      description:
        'package: of the distribution. release: the archive that the project publishes. source: built from its Go module.',
    }),
    version: version.meta({ description: 'Release to install; needed unless it is a package.' }).optional(),
    sha256: checksums.optional(),
  },
  'The CNI plugins that networks are made of.',
);

export const crictl = section(
  {
    version: version.default(CRICTL_VERSION).meta({ description: 'Release of crictl to install.' }),
    source: z.enum(['pinned', 'package']).default('pinned').meta({
      description:
        'pinned: this release, by the ways of spec.artifacts. package: cri-tools of a repository that the host has, in whatever version.',
    }),
  },
  'The command line of the CRI.',
);
