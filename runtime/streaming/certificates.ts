import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { Fail } from '../core/fail.ts';

/** What a server that speaks TLS is told: stream_tls_cert, …_key, …_ca, paths of PEM files; tls_min_version, tls_cipher_suites. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Who connects must show a certificate that one of these signed. Without: whoever has a URL may use it. */
  readonly ca: string | undefined;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  /** Cipher suites by OpenSSL's names. Without: Node's choice. */
  readonly ciphers?: string;
}

/** Contents of the files, as node:tls takes them. */
export interface TlsContext {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca?: Buffer;
  readonly minVersion: TlsFiles['minVersion'];
  readonly ciphers?: string;
}

/**
 * Certificates that may be replaced on disk at any time. To be looked at whenever a client connects: the look costs a
 * stat(2) for each file, needs no watch that could be lost with a renamed folder, and is never late.
 */
export class Certificates {
  readonly #files: TlsFiles;
  #seen: string | undefined;

  constructor(files: TlsFiles) {
    this.#files = files;
  }

  /**
   * The files' contents if they are not what the last call saw, else undefined. Throws `InvalidArgument` when they
   * cannot be used, once for each state that they are found in: the one before is to be kept until they change again,
   * since who replaces two files leaves a key for a moment that does not fit its certificate.
   */
  changed(): TlsContext | undefined {
    const seen = this.#look();
    if (seen === this.#seen) return undefined;
    this.#seen = seen;
    return this.#read();
  }

  /** Changes with every replacement, also by a link to another folder, as Kubernetes mounts its secrets. */
  #look(): string {
    const { cert, key, ca } = this.#files;
    const states = [cert, key, ca].map((path) => (path === undefined ? '' : stateOf(path)));
    return states.join(' ');
  }

  #read(): TlsContext {
    const { cert, key, ca, minVersion, ciphers } = this.#files;
    try {
      const context: TlsContext = {
        cert: readFileSync(cert),
        key: readFileSync(key),
        ...(ca === undefined ? {} : { ca: readFileSync(ca) }),
        minVersion,
        ...(ciphers === undefined ? {} : { ciphers }),
      };
      createSecureContext(context);
      // A file without certificates would be taken for one that trusts nobody.
      if (context.ca !== undefined) new X509Certificate(context.ca);
      return context;
    } catch (cause) {
      const files = [cert, key, ...(ca === undefined ? [] : [ca])].join(', ');
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new Fail('InvalidArgument', `the streaming server cannot use ${files}: ${reason}`, {
        cause,
        hint: '[crio.api] stream_tls_cert, stream_tls_key and stream_tls_ca name PEM files, the key without a passphrase',
      });
    }
  }
}

const stateOf = (path: string): string => {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(':');
  } catch (error) {
    // That it cannot be looked at is a state as well; reading it says why.
    return String(error);
  }
};
