import type { Demand } from './demand.ts';

/** What is signed: the digest of a manifest, and the name of the image whose it is. */
export interface Payload {
  readonly digest: string;
  readonly reference: string;
}

const types: Readonly<Record<Demand['type'], string>> = {
  signedBy: 'atomic container signature',
  sigstoreSigned: 'cosign container image signature',
};

/**
 * Reads it as strictly as containers-signature(5) asks: a key more could be one that another program understands otherwise.
 * @throws RangeError with the reason
 */
export function parsePayload(content: Buffer, type: Demand['type']): Payload {
  const document = objectIn(parse(content), ['critical', 'optional'], 'it');
  const critical = objectIn(document['critical'], ['type', 'image', 'identity'], 'critical');
  if (critical['type'] !== types[type]) throw new RangeError(`its type is not "${types[type]}"`);
  const image = objectIn(critical['image'], ['docker-manifest-digest'], 'image');
  const identity = objectIn(critical['identity'], ['docker-reference'], 'identity');
  const [digest, reference] = [image['docker-manifest-digest'], identity['docker-reference']];
  if (typeof digest !== 'string' || typeof reference !== 'string')
    throw new RangeError('it names no image and no digest');
  return { digest, reference };
}

function parse(content: Buffer): unknown {
  try {
    return JSON.parse(content.toString('utf8'));
  } catch (cause) {
    throw new RangeError('its content is no JSON', { cause });
  }
}

function objectIn(value: unknown, known: readonly string[], what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new RangeError(`${what} is no object`);
  const strange = Object.keys(value).find((key) => !known.includes(key));
  if (strange !== undefined) throw new RangeError(`${what} has the unknown key ${JSON.stringify(strange)}`);
  return { ...value };
}
