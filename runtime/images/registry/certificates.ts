import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import tls from 'node:tls';

export interface CertificateOptions {
  readonly ca?: string[];
  readonly cert?: string;
  readonly key?: string;
}

/** Where administrators put the certificates of a registry: containers-certs.d(5). */
const FOLDERS = ['/etc/containers/certs.d', '/etc/docker/certs.d'];

/** The system's bundle: the operator's choice, Debian and its kin, Fedora and its kin. */
const BUNDLES = [
  ...(process.env['SSL_CERT_FILE'] ? [process.env['SSL_CERT_FILE']] : []),
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
];

/**
 * What TLS needs to know for `host` (`name` or `name:port`): the system's authorities and those in
 * `certs.d/<host>/*.crt`, and a client certificate `*.cert` with its `*.key`.
 */
export const certificatesFor = (host: string, folders: readonly string[] = FOLDERS): CertificateOptions => {
  for (const folder of folders) {
    const directory = join(folder, host);
    const names = namesIn(directory);
    if (names.length > 0) return fromFolder(directory, names);
  }
  const system = systemAuthorities();
  return system === undefined ? {} : { ca: [system] };
};

const fromFolder = (directory: string, names: readonly string[]): CertificateOptions => {
  const read = (name: string): string => readFileSync(join(directory, name), 'utf8');
  const authorities = names.filter((name) => name.endsWith('.crt')).map(read);
  const client = names.find((name) => name.endsWith('.cert'));
  return {
    ca: [
      ...(authorities.length === 0 ? [] : authorities),
      systemAuthorities() ?? tls.rootCertificates.join('\n'),
    ],
    ...(client === undefined
      ? {}
      : { cert: read(client), key: read(`${client.slice(0, -'.cert'.length)}.key`) }),
  };
};

const namesIn = (directory: string): readonly string[] => {
  try {
    return readdirSync(directory).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
};

const systemAuthorities = (): string | undefined => {
  for (const bundle of BUNDLES) {
    try {
      return readFileSync(bundle, 'utf8');
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  return undefined;
};

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
