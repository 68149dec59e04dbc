import { execFileSync } from 'node:child_process';
import { renameSync } from 'node:fs';
import { join } from 'node:path';

/** PEM files of one certificate. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
}

const openssl = (...args: readonly string[]): void =>
  void execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];

/** A certificate authority that lives in a folder of the test. */
export class Authority {
  readonly cert: string;
  readonly #key: string;
  readonly #folder: string;

  constructor(folder: string, name: string) {
    this.#folder = folder;
    this.cert = join(folder, `${name}-ca.crt`);
    this.#key = join(folder, `${name}-ca.key`);
    openssl('req', '-x509', ...NEW_KEY, '-subj', `/CN=${name}`, '-keyout', this.#key, '-out', this.cert);
  }

  /** A certificate for this machine by its loopback names, good for servers and clients; replaces one of that name. */
  issue(name: string): Issued {
    const [cert, key] = [join(this.#folder, `${name}.crt`), join(this.#folder, `${name}.key`)];
    openssl(
      ...['req', '-x509', ...NEW_KEY, '-subj', `/CN=${name}`, '-CA', this.cert, '-CAkey', this.#key],
      ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
      ...['-addext', 'basicConstraints=critical,CA:FALSE'],
      ...['-addext', 'extendedKeyUsage=serverAuth,clientAuth'],
      ...['-keyout', `${key}.new`, '-out', `${cert}.new`],
    );
    renameSync(`${key}.new`, key);
    renameSync(`${cert}.new`, cert);
    return { cert, key };
  }
}
