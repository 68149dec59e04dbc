import { createPublicKey, type KeyObject } from 'node:crypto';

/** Of a key of another kind, verifying a signature fails otherwise than by saying no, or another hash is meant. */
const KINDS: readonly (string | undefined)[] = ['ec', 'rsa', 'ed25519'];

/**
 * A public key by which sigstore's tools sign images.
 * @param data PEM, in base64
 * @throws Error with the reason: it is none
 */
export function sigstoreKey(data: string): KeyObject {
  const key = createPublicKey({ key: Buffer.from(data, 'base64').toString('utf8'), format: 'pem' });
  const kind = key.asymmetricKeyType;
  if (KINDS.includes(kind)) return key;
  throw new RangeError(`it is of the kind ${kind}: ECDSA, RSA and Ed25519 are verified`);
}
