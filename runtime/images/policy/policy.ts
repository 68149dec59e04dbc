import type { SignaturePolicy } from '../../config/config.ts';
import { Fail } from '../../core/fail.ts';
import { isRecord } from '../../core/is-record.ts';
import { formatReference, type ImageReference } from '../reference.ts';
import { parseDemand, type WrittenDemand } from './demand.ts';
import { scopesOf } from './scopes.ts';

/**
 * The signatures that containers-policy.json(5) asks of `reference`; none: it may be pulled as it is. Throws
 * `PermissionDenied` for what it rejects, `FailedPrecondition` for a policy that is no policy, `Unimplemented` for ways to
 * sign that are not verified. What is not understood is never accepted.
 */
export const checkPolicy = (reference: ImageReference, policy: SignaturePolicy): readonly WrittenDemand[] =>
  requirementsFor(reference, policy).flatMap((requirement): WrittenDemand[] => {
    const type = isRecord(requirement) ? requirement['type'] : undefined;
    switch (type) {
      case 'insecureAcceptAnything':
        return [];
      case 'reject':
        throw new Fail('PermissionDenied', `image ${formatReference(reference)} is rejected by policy`, {
          hint: `allow its registry or repository under transports.docker in ${policy.file}`,
        });
      case 'signedBy':
      case 'sigstoreSigned':
        return [parseDemand(isRecord(requirement) ? requirement : {}, policy.file)];
      default:
        throw malformed(policy, `unknown requirement type ${JSON.stringify(type)}`);
    }
  });

const malformed = ({ file }: SignaturePolicy, why: string): Fail =>
  new Fail('FailedPrecondition', `image policy: ${why}`, {
    hint: `correct ${file}; see containers-policy.json(5)`,
  });

/** The requirements of the most specific scope that covers the reference. */
const requirementsFor = (reference: ImageReference, policy: SignaturePolicy): readonly unknown[] => {
  const { content } = policy;
  if (!isRecord(content)) throw malformed(policy, 'there is none, so no image may be pulled');
  const scopes = dockerScopes(policy, content);
  for (const scope of scopesOf(reference)) {
    if (scopes !== undefined && Object.hasOwn(scopes, scope))
      return listIn(policy, scopes[scope], `scope ${JSON.stringify(scope)}`);
  }
  return listIn(policy, content['default'], 'default');
};

const dockerScopes = (
  policy: SignaturePolicy,
  { transports }: Record<string, unknown>,
): Record<string, unknown> | undefined => {
  if (transports === undefined) return undefined;
  if (!isRecord(transports)) throw malformed(policy, 'transports is not an object');
  const docker = transports['docker'];
  if (docker === undefined) return undefined;
  if (!isRecord(docker)) throw malformed(policy, 'transports.docker is not an object');
  return docker;
};

const listIn = (policy: SignaturePolicy, value: unknown, where: string): readonly unknown[] => {
  if (!Array.isArray(value) || value.length === 0)
    throw malformed(policy, `${where} has no list of requirements`);
  return value;
};
