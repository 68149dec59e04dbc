import { Fail } from '../../core/fail.ts';
import { isRecord } from '../../core/is-record.ts';
import { formatReference, type ImageReference } from '../reference.ts';
import { parseDemand, type WrittenDemand } from './demand.ts';
import { scopesOf } from './scopes.ts';

const FILE = '/etc/containers/policy.json';

/**
 * The signatures that containers-policy.json(5) asks of `reference`; none: it may be pulled as it is. Throws
 * `PermissionDenied` for what it rejects, `FailedPrecondition` for a policy that is no policy, `Unimplemented` for ways to
 * sign that are not verified. What is not understood is never accepted.
 */
export const checkPolicy = (reference: ImageReference, policy: unknown): readonly WrittenDemand[] =>
  requirementsFor(reference, policy).flatMap((requirement): WrittenDemand[] => {
    const type = isRecord(requirement) ? requirement['type'] : undefined;
    switch (type) {
      case 'insecureAcceptAnything':
        return [];
      case 'reject':
        throw new Fail('PermissionDenied', `image ${formatReference(reference)} is rejected by policy`, {
          hint: `allow its registry or repository under transports.docker in ${FILE}`,
        });
      case 'signedBy':
      case 'sigstoreSigned':
        return [parseDemand(isRecord(requirement) ? requirement : {}, FILE)];
      default:
        throw malformed(`unknown requirement type ${JSON.stringify(type)}`);
    }
  });

const malformed = (why: string): Fail =>
  new Fail('FailedPrecondition', `image policy: ${why}`, {
    hint: `correct ${FILE}; see containers-policy.json(5)`,
  });

/** The requirements of the most specific scope that covers the reference. */
const requirementsFor = (reference: ImageReference, policy: unknown): readonly unknown[] => {
  if (!isRecord(policy)) throw malformed('there is none, so no image may be pulled');
  const scopes = dockerScopes(policy);
  for (const scope of scopesOf(reference)) {
    if (scopes !== undefined && Object.hasOwn(scopes, scope))
      return listIn(scopes[scope], `scope ${JSON.stringify(scope)}`);
  }
  return listIn(policy['default'], 'default');
};

const dockerScopes = (policy: Record<string, unknown>): Record<string, unknown> | undefined => {
  const transports = policy['transports'];
  if (transports === undefined) return undefined;
  if (!isRecord(transports)) throw malformed('transports is not an object');
  const docker = transports['docker'];
  if (docker === undefined) return undefined;
  if (!isRecord(docker)) throw malformed('transports.docker is not an object');
  return docker;
};

const listIn = (value: unknown, where: string): readonly unknown[] => {
  if (!Array.isArray(value) || value.length === 0) throw malformed(`${where} has no list of requirements`);
  return value;
};
