import { Fail } from '../core/fail.ts';
import { isRecord } from '../core/is-record.ts';

type Written = Readonly<Record<string, unknown>>;

/** By the type of a requirement. Keys that berth does not verify by are known: an image under them is refused by name. */
const REQUIREMENTS: Readonly<Record<string, readonly string[]>> = {
  insecureAcceptAnything: [],
  reject: [],
  signedBy: ['keyType', 'keyPath', 'keyPaths', 'keyData', 'signedIdentity'],
  sigstoreSigned: [
    'keyPath',
    'keyPaths',
    'keyData',
    'keyDatas',
    'fulcio',
    'pki',
    'rekorPublicKeyPath',
    'rekorPublicKeyPaths',
    'rekorPublicKeyData',
    'rekorPublicKeyDatas',
    'signedIdentity',
  ],
};

const IDENTITIES: Readonly<Record<string, readonly string[]>> = {
  matchExact: [],
  matchRepoDigestOrExact: [],
  matchRepository: [],
  exactReference: ['dockerReference'],
  exactRepository: ['dockerRepository'],
  remapIdentity: ['prefix', 'signedPrefix'],
};

/**
 * No key of the file is unknown, of whatever transport, as containers-policy.json(5) asks: a slip of the pen ("transport")
 * would leave every image to a default that accepts it. Unknown types accept nothing and are left to who judges the image.
 * @throws Fail `InvalidArgument` that names file and key
 */
export function checkKeys(policy: Written, path: string): void {
  checkKnown(policy, ['default', 'transports'], path, 'the policy');
  checkRequirements(policy['default'], path, 'default');
  for (const [transport, scopes] of Object.entries(recordIn(policy['transports'])))
    for (const [scope, requirements] of Object.entries(recordIn(scopes)))
      checkRequirements(requirements, path, `transports.${transport}[${JSON.stringify(scope)}]`);
}

function checkRequirements(value: unknown, path: string, where: string): void {
  for (const [index, each] of (Array.isArray(value) ? value : []).entries()) {
    const requirement = recordIn(each);
    checkTyped(requirement, REQUIREMENTS, path, `${where}[${index}]`);
    checkTyped(
      recordIn(requirement['signedIdentity']),
      IDENTITIES,
      path,
      `${where}[${index}].signedIdentity`,
    );
  }
}

function checkTyped(
  written: Written,
  types: Readonly<Record<string, readonly string[]>>,
  path: string,
  where: string,
): void {
  const { type } = written;
  if (typeof type !== 'string' || !Object.hasOwn(types, type)) return;
  checkKnown(written, ['type', ...(types[type] ?? [])], path, `${where} (${type})`);
}

function checkKnown(written: Written, known: readonly string[], path: string, where: string): void {
  const strange = Object.keys(written).find((key) => !known.includes(key));
  if (strange === undefined) return;
  throw new Fail('InvalidArgument', `${path}: ${where} has the unknown key ${JSON.stringify(strange)}`, {
    hint: `known there: ${known.join(', ')}; see containers-policy.json(5)`,
  });
}

const recordIn = (value: unknown): Written => (isRecord(value) ? value : {});
