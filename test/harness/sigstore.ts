import { type KeyObject, sign } from 'node:crypto';
import { blobOf, descriptorOf, digestOf, type PushTarget, pushBlob, pushManifest } from './oci-image.ts';

/**
 * Attaches a signature to a manifest in its registry, as cosign does with a key: an image of signed payloads under a tag
 * of the manifest's digest (https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md).
 * @param reference the name of the image that is signed; the default is its repository
 */
export async function attachSignature(
  target: PushTarget,
  digest: string,
  key: KeyObject,
  reference = `${target.host}/${target.repository}`,
): Promise<void> {
  const bytes = Buffer.from(
    JSON.stringify({
      critical: {
        identity: { 'docker-reference': reference },
        image: { 'docker-manifest-digest': digest },
        type: 'cosign container image signature',
      },
      optional: null,
    }),
  );
  const payload = {
    mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
    digest: digestOf(bytes),
    bytes,
  };
  const signature = sign(key.asymmetricKeyType === 'ed25519' ? undefined : 'sha256', bytes, key);
  const config = blobOf('application/vnd.oci.image.config.v1+json', {
    architecture: '',
    os: '',
    config: {},
    rootfs: { type: 'layers', diff_ids: [payload.digest] },
  });
  const manifest = blobOf('application/vnd.oci.image.manifest.v1+json', {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: descriptorOf(config),
    layers: [
      {
        ...descriptorOf(payload),
        annotations: { 'dev.cosignproject.cosign/signature': signature.toString('base64') },
      },
    ],
  });
  await pushBlob(target, config);
  await pushBlob(target, payload);
  await pushManifest(target, `${digest.replace(':', '-')}.sig`, manifest);
}
