import { type KeyObject, verify } from 'node:crypto';
import { Fail } from '../../core/fail.ts';
import type { Digest } from '../../spec/oci/image.ts';
import type { Candidate } from '../protocol.ts';
import { isDigest } from '../reference.ts';
import type { Registry } from '../registry/registry.ts';
import { type Demand, fitsIdentity } from './demand.ts';
import { fetchSignatures, type ImageSignature, placesText } from './fetch-signatures.ts';
import { signingKeys } from './openpgp/keys.ts';
import { openSigned } from './openpgp/message.ts';
import { parsePayload } from './payload.ts';
import { sigstoreKey } from './sigstore-key.ts';

/**
 * The image's manifest has a signature for each demand of the policy, or nothing more of the image is fetched.
 * @throws Fail `PermissionDenied`; the word in front is what the kubelet knows it by (k8s.io/cri-api/pkg/errors)
 */
export async function requireSigned(
  { name, identifier, demands = [] }: Candidate,
  registry: Registry,
  digest: Digest | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (demands.length === 0) return;
  if (digest === undefined)
    throw new Fail('Internal', `${name}: there is no manifest to look for signatures of`);
  const wanted = `${name}${isDigest(identifier) ? '@' : ':'}${identifier}`;
  const signatures = await fetchSignatures(registry, digest, signal);
  for (const demand of demands) {
    const judge = judgeOf(demand, wanted, digest);
    const reasons = signatures.map((signature) => judge(signature));
    if (reasons.includes(undefined)) continue;
    const why = reasons.length === 0 ? `there is none: ${placesText(registry, digest)}` : firstOf(reasons);
    throw new Fail(
      'PermissionDenied',
      `SignatureValidationFailed: image ${wanted}: no signature that the policy (${demand.type}) accepts: ${why}`,
      { hint: 'have the image signed by a key that policy.json names, or name the key that signs it there' },
    );
  }
}

/** Whoever serves signatures must not fill logs with them. */
const firstOf = (reasons: readonly (string | undefined)[]): string =>
  [...reasons.slice(0, 3), ...(reasons.length > 3 ? [`and ${reasons.length - 3} more`] : [])].join('; ');

/** Answers why a signature does not meet the demand; undefined: it does. */
function judgeOf(
  demand: Demand,
  wanted: string,
  digest: Digest,
): (signature: ImageSignature) => string | undefined {
  const open = demand.type === 'signedBy' ? openerOfMessages(demand) : openerOfSigstore(demand);
  return (signature) => {
    try {
      const payload = parsePayload(open(signature), demand.type);
      if (payload.digest !== digest) return `it is for another manifest, ${payload.digest}`;
      return fitsIdentity(demand.identity, wanted, payload.reference)
        ? undefined
        : `it is for ${payload.reference}, which ${demand.identity.type} does not take for this image`;
    } catch (error) {
      // What cannot be read, or names no image, is no signature; another one may be.
      if (error instanceof RangeError || error instanceof Fail) return error.message;
      throw error;
    }
  };
}

type Opener = (signature: ImageSignature) => Buffer;

function openerOfMessages({ keys }: Demand): Opener {
  const files = keys.map((key) => Buffer.from(key, 'base64'));
  const known = readable(() => signingKeys(files, Date.now()));
  if (known.length === 0)
    throw unusable('none of its OpenPGP keys can sign: RSA, ECDSA and Ed25519 are verified');
  return (signature) => {
    if (signature.kind !== 'message') throw new RangeError('a signature of sigstore is no OpenPGP message');
    return openSigned(signature.message, known, Date.now());
  };
}

function openerOfSigstore({ keys }: Demand): Opener {
  const known = keys.map((key) => readable(() => sigstoreKey(key)));
  return (signature) => {
    if (signature.kind !== 'sigstore') throw new RangeError('an OpenPGP message is no signature of sigstore');
    const { payload, bytes } = signature;
    if (known.some((key) => verify(hashFor(key), payload, key, bytes))) return payload;
    throw new RangeError('it is not by a key that the policy names');
  };
}

/** Ed25519 hashes by itself. */
const hashFor = ({ asymmetricKeyType }: KeyObject): string | undefined =>
  asymmetricKeyType === 'ed25519' ? undefined : 'sha256';

function readable<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (cause) {
    throw unusable(`a key cannot be read: ${(cause as Error).message}`, cause);
  }
}

const unusable = (why: string, cause?: unknown): Fail =>
  new Fail('FailedPrecondition', `image policy: ${why}`, {
    hint: 'correct the key in policy.json: nothing is pulled without it',
    cause,
  });
