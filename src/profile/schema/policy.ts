import { z } from 'zod';
import { checked, registryPrefix, section, text } from './values.ts';

/* Whose images may run. */

const lookaside = checked((value) =>
  /^(https?:|file:)$/.test(URL.parse(value)?.protocol ?? '')
    ? undefined
    : `"${value}" is no address with https, http or file`,
);

export const policyRule = section(
  {
    images: registryPrefix.meta({
      description: 'Registry, namespace or repository whose images it is about.',
    }),
    type: z.enum(['accept', 'reject', 'signedBy', 'sigstoreSigned']).meta({
      description:
        'accept: whoever made them. reject: none of them. signedBy: with an OpenPGP signature, as skopeo and podman make it. sigstoreSigned: with a signature that cosign has attached to the image.',
    }),
    key: text(
      /^-----BEGIN (PGP PUBLIC KEY BLOCK|PUBLIC KEY)-----$/m,
      'is no public key: it begins with -----BEGIN',
    )
      .meta({
        description:
          'Public key that signs: OpenPGP in armour for signedBy, which may be several one after the other; PEM for sigstoreSigned.',
      })
      .optional(),
    identity: z
      .enum(['matchRepoDigestOrExact', 'matchExact', 'matchRepository'])
      .default('matchRepoDigestOrExact')
      .meta({
        description:
          'Which name the signature must have been made for. matchRepository: any tag of the repository, which is what cosign signs.',
      }),
    lookaside: lookaside
      .meta({
        description:
          'Where OpenPGP signatures lie: a server, or file:///FOLDER of the host. Default: file:///var/lib/containers/sigstore.',
      })
      .optional(),
  },
  'A rule about images.',
);
