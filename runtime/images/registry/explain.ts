import { Fail } from '../../core/fail.ts';
import type { Credentials } from './credentials.ts';
import { codeOf } from './retry.ts';
import { remedy } from './token.ts';

export interface Subject {
  readonly host: string;
  readonly repository: string;
  /** `manifests/latest`, `blobs/sha256:…`. */
  readonly path: string;
}

/** What a status of the distribution API means to the one who wanted an image. */
export const explainStatus = (status: number, subject: Subject, credentials: Credentials): Fail => {
  const what = describe(subject);
  switch (status) {
    case 401:
      return new Fail('Unauthenticated', `${what}: the registry wants credentials (401)`, {
        hint: remedy(credentials),
      });
    case 403:
      return new Fail('PermissionDenied', `${what}: the registry denies access (403)`, {
        hint: remedy(credentials),
      });
    case 404:
      return new Fail('NotFound', `${what}: the registry does not have it (404)`, {
        hint: 'check the repository and the tag or digest',
      });
    case 429:
      return new Fail('Unavailable', `${what}: the registry limits the rate of pulls (429)`, {
        hint: 'wait, give credentials with a higher limit, or set a mirror in /etc/containers/registries.conf',
      });
    default:
      return new Fail('Unavailable', `${what}: the registry answered ${status}`, {
        hint:
          status >= 500
            ? 'the registry has a fault; try again later'
            : 'check that this host is a container registry',
      });
  }
};

/** Why there was no answer at all. */
export const cannotReach = (error: unknown, subject: Subject, part?: string): Fail => {
  const where = part === undefined ? '' : `${part}: `;
  return new Fail('Unavailable', `${describe(subject)}: ${where}${reasonOf(error)}`, {
    hint: hintFor(error),
    cause: error,
  });
};

const describe = ({ host, repository, path }: Subject): string => {
  const [kind, identifier] = path.split('/');
  if (identifier === undefined) return `registry ${host}, repository ${repository}`;
  return `registry ${host}, repository ${repository}, ${kind === 'blobs' ? 'blob' : 'reference'} ${identifier}`;
};

const reasonOf = (error: unknown): string => {
  const code = codeOf(error);
  const message = error instanceof Error ? firstMessage(error) : String(error);
  return code === undefined || message.includes(code) ? message : `${message} (${code})`;
};

/** Node gives one error per address that was tried. */
const firstMessage = (error: Error): string =>
  error instanceof AggregateError && error.message === ''
    ? error.errors.map(String).join('; ')
    : error.message;

const CERTIFICATE_FAULT = /CERT|SELF_SIGNED|UNABLE_TO_|ALTNAME|EPROTO|ERR_SSL/;

const hintFor = (error: unknown): string => {
  const code = codeOf(error) ?? '';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return 'check the host name and the DNS servers of this node';
  if (code === 'ECONNREFUSED') return 'check that the registry runs and listens on this port';
  if (CERTIFICATE_FAULT.test(code)) {
    return 'put its authority into /etc/containers/certs.d/<host>/ca.crt, or set insecure = true for it in /etc/containers/registries.conf';
  }
  return 'check the network between this node and the registry';
};
