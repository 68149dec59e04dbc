import type { SignatureStores } from '../../config/registries-d.ts';
import type { ImageReference } from '../reference.ts';
import type { Source } from '../registry-sources.ts';
import { scopesOf } from './scopes.ts';

/** Where skopeo and podman put and look for signatures when no file says anything. */
const USUAL = 'file:///var/lib/containers/sigstore';

/** Where the signatures of an image from this source are: what registries.d says of the place that it really comes from. */
export function signaturePlaces(
  stores: SignatureStores | undefined,
  source: Source,
  reference: ImageReference,
): NonNullable<Source['signatures']> {
  const registry = source.host === 'registry-1.docker.io' ? 'docker.io' : source.host;
  const scopes = scopesOf({ ...reference, registry, repository: source.repository });
  const said = [
    ...scopes.flatMap((scope) => stores?.scopes[scope] ?? []),
    ...(stores?.default === undefined ? [] : [stores.default]),
  ];
  return {
    lookaside: said.find(({ lookaside }) => lookaside !== undefined)?.lookaside ?? USUAL,
    attachments: said.find(({ attachments }) => attachments !== undefined)?.attachments ?? false,
  };
}
