import { readFile } from 'node:fs/promises';
import { Fail } from '../../core/fail.ts';
import { bareName, nameOf, parseReference } from '../reference.ts';
import { sigstoreKey } from './sigstore-key.ts';

/**
 * A signature that the policy asks for: by one of these keys, for an image of that identity. Plain data: berth-pull gets it
 * with the pull. containers-policy.json(5), signedBy and sigstoreSigned.
 */
export interface Demand {
  readonly type: 'signedBy' | 'sigstoreSigned';
  /** base64, of OpenPGP keys or of a public key in PEM. */
  readonly keys: readonly string[];
  readonly identity: Identity;
}

export type Identity =
  | { readonly type: 'matchRepoDigestOrExact' | 'matchExact' | 'matchRepository' }
  | { readonly type: 'exactReference'; readonly dockerReference: string }
  | { readonly type: 'exactRepository'; readonly dockerRepository: string }
  | { readonly type: 'remapIdentity'; readonly prefix: string; readonly signedPrefix: string };

/** The same as the policy writes it: keys may lie in files, which are read at each pull. */
export interface WrittenDemand extends Omit<Demand, 'keys'> {
  readonly keys: readonly ({ readonly data: string } | { readonly path: string })[];
}

type Written = Readonly<Record<string, unknown>>;

/** @throws Fail `FailedPrecondition` for what is none, `Unimplemented` for ways to sign that are not verified */
export function parseDemand(requirement: Written, file: string): WrittenDemand {
  const { type } = requirement;
  const wrong = (why: string): Fail =>
    new Fail('FailedPrecondition', `image policy: ${String(type)}: ${why}`, {
      hint: `correct ${file}; see containers-policy.json(5)`,
    });
  if (type !== 'signedBy' && type !== 'sigstoreSigned') throw wrong('unknown');
  refuseOtherWays(requirement, type, file);
  return {
    type,
    keys: keysIn(requirement, type, wrong),
    identity: identityIn(requirement['signedIdentity'], wrong),
  };
}

function refuseOtherWays(requirement: Written, type: string, file: string): void {
  const key = Object.keys(requirement).find((name) => /^(fulcio|pki|rekor)/.test(name));
  const { keyType = 'GPGKeys' } = requirement;
  const what =
    key ?? (type === 'signedBy' && keyType !== 'GPGKeys' ? `keyType ${String(keyType)}` : undefined);
  if (what === undefined) return;
  throw new Fail('Unimplemented', `image policy: ${type} with ${what} is not verified by berth`, {
    hint: `nothing is pulled under it; name the public key (keyPath, keyData) in ${file}`,
  });
}

const KEYS: Readonly<Record<Demand['type'], readonly string[]>> = {
  signedBy: ['keyPath', 'keyPaths', 'keyData'],
  sigstoreSigned: ['keyPath', 'keyPaths', 'keyData', 'keyDatas'],
};

function keysIn(
  requirement: Written,
  type: Demand['type'],
  wrong: (why: string) => Fail,
): WrittenDemand['keys'] {
  const [name, another] = KEYS[type].filter((each) => requirement[each] !== undefined);
  if (name === undefined || another !== undefined)
    throw wrong(
      `it names ${name === undefined ? 'no key' : `${name} and ${another}`}: exactly one of ${KEYS[type].join(', ')} is due`,
    );
  const isList = name.endsWith('s');
  const texts = isList ? requirement[name] : [requirement[name]];
  if (!isTexts(texts)) throw wrong(`${name} is ${isList ? 'no list of texts' : 'no text'}`);
  return texts.map((text) => (name.startsWith('keyData') ? { data: text } : { path: text }));
}

const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'string' && each !== '');

function identityIn(value: unknown, wrong: (why: string) => Fail): Identity {
  if (value === undefined) return { type: 'matchRepoDigestOrExact' };
  if (typeof value !== 'object' || value === null) throw wrong('signedIdentity is no object');
  const written: Written = { ...value };
  const text = (key: string): string => {
    const found = written[key];
    if (typeof found !== 'string' || found === '') throw wrong(`signedIdentity lacks ${key}`);
    return found;
  };
  const { type } = written;
  switch (type) {
    case 'matchRepoDigestOrExact':
    case 'matchExact':
    case 'matchRepository':
      return { type };
    case 'exactReference':
      return { type, dockerReference: text('dockerReference') };
    case 'exactRepository':
      return { type, dockerRepository: text('dockerRepository') };
    case 'remapIdentity':
      return { type, prefix: text('prefix'), signedPrefix: text('signedPrefix') };
    default:
      throw wrong(`signedIdentity has the unknown type ${JSON.stringify(type)}`);
  }
}

/** With the keys that lie in files. @throws Fail `FailedPrecondition` for one that cannot be read, or is none of sigstore's */
export const readDemands = (written: readonly WrittenDemand[]): Promise<Demand[]> =>
  Promise.all(
    written.map(async (demand) => ({
      ...demand,
      keys: await Promise.all(demand.keys.map((key) => readKey(key, demand.type))),
    })),
  );

async function readKey(key: WrittenDemand['keys'][number], type: Demand['type']): Promise<string> {
  const data = 'data' in key ? key.data : await readBase64(key.path);
  if (type === 'sigstoreSigned') checkSigstoreKey(data, 'data' in key ? 'in keyData' : key.path);
  return data;
}

async function readBase64(path: string): Promise<string> {
  try {
    return (await readFile(path)).toString('base64');
  } catch (cause) {
    const hint = 'put it there, or correct its path in policy.json: nothing is pulled without it';
    throw unusable(`the key ${path} cannot be read`, hint, cause);
  }
}

function checkSigstoreKey(data: string, name: string): void {
  try {
    sigstoreKey(data);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw unusable(
      `the key ${name}: ${why}`,
      'name a public key as cosign writes it (cosign public-key)',
      cause,
    );
  }
}

const unusable = (why: string, hint: string, cause: unknown): Fail =>
  new Fail('FailedPrecondition', `image policy: ${why}`, { hint, cause });

interface Named {
  readonly name: string;
  /** `:tag`, `@sha256:…`, both or nothing. */
  readonly suffix: string;
}

const named = (text: string): Named => ({
  name: nameOf(parseReference(text)),
  suffix: text.slice(bareName(text).length),
});

/** Whether a signature for the image `signed` is one for the image `wanted`, both full references. */
export function fitsIdentity(identity: Identity, wanted: string, signed: string): boolean {
  const [image, claim] = [named(wanted), named(signed)];
  const isSame = (one: Named, other: Named): boolean =>
    one.name === other.name && one.suffix === other.suffix && one.suffix !== '';
  switch (identity.type) {
    case 'matchRepoDigestOrExact':
      return image.suffix.startsWith('@')
        ? image.name === claim.name && claim.suffix !== ''
        : isSame(image, claim);
    case 'matchExact':
      return image.suffix.startsWith(':') && isSame(image, claim);
    case 'matchRepository':
      return image.name === claim.name;
    case 'exactReference':
      return isSame(named(identity.dockerReference), claim);
    case 'exactRepository':
      return named(identity.dockerRepository).name === claim.name;
    case 'remapIdentity':
      return fitsIdentity({ type: 'matchRepoDigestOrExact' }, remapped(wanted, identity), signed);
  }
}

/** A prefix covers whole parts of a name: another port, or a tag, is none of it. */
function remapped(
  wanted: string,
  { prefix, signedPrefix }: { readonly prefix: string; readonly signedPrefix: string },
): string {
  return `${bareName(wanted)}/`.startsWith(`${prefix}/`)
    ? signedPrefix + wanted.slice(prefix.length)
    : wanted;
}
