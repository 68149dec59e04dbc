import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Where the two files lie, in PEM. */
export interface SelfSigned {
  readonly key: string;
  readonly certificate: string;
}

/** A certificate that vouches for itself for a day, for this common name and these others, as openssl writes them. */
export const selfSigned = (folder: string, name: string, otherNames: readonly string[] = []): SelfSigned => {
  const made = { key: join(folder, `${name}.key`), certificate: join(folder, `${name}.crt`) };
  const extension = otherNames.length === 0 ? [] : ['-addext', `subjectAltName=${otherNames.join(',')}`];
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', `/CN=${name}`];
  const files = ['-keyout', made.key, '-out', made.certificate];
  execFileSync('openssl', [...request, ...extension, ...files], { stdio: 'ignore' });
  return made;
};
