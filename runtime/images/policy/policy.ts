import { Fail } from '../../core/fail.ts';
import { formatReference, type ImageReference, nameOf } from '../reference.ts';

const FILE = '/etc/containers/policy.json';

/**
 * Throws unless containers-policy.json(5) lets `reference` be pulled: `PermissionDenied` for what it rejects,
 * `FailedPrecondition` for a policy that is no policy, `Unimplemented` for signatures. What is not understood
 * is never accepted.
 */
export const checkPolicy = (reference: ImageReference, policy: unknown): void => {
  const name = formatReference(reference);
  for (const requirement of requirementsFor(reference, policy)) {
    const type = isRecord(requirement) ? requirement['type'] : undefined;
    if (type === 'insecureAcceptAnything') continue;
    throw refusal(name, type);
  }
};

const refusal = (name: string, type: unknown): Fail => {
  switch (type) {
    case 'reject':
      return new Fail('PermissionDenied', `image ${name} is rejected by policy`, {
        hint: `allow its registry or repository under transports.docker in ${FILE}`,
      });
    case 'signedBy':
    case 'sigstoreSigned':
      return new Fail(
        'Unimplemented',
        `image ${name}: policy demands ${type}; verifying signatures is not supported yet`,
        {
          hint: `the image was not pulled; relax the requirement for its repository in ${FILE} to pull it unverified`,
        },
      );
    default:
      return malformed(`unknown requirement type ${JSON.stringify(type)}`);
  }
};

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

/** Most specific first: the reference, its repository, the namespaces above, the host, its wildcards, everything. */
const scopesOf = (reference: ImageReference): readonly string[] => {
  const scopes = [formatReference(reference)];
  for (let name = nameOf(reference); name !== ''; name = name.slice(0, Math.max(0, name.lastIndexOf('/')))) {
    scopes.push(name);
  }
  const labels = reference.registry.split('.');
  for (let first = 1; first < labels.length; first += 1) scopes.push(`*.${labels.slice(first).join('.')}`);
  return [...scopes, ''];
};

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
