import { listOf, show, text } from './readers.ts';
import { NotAsExpected, type Reader } from './settings.ts';

/**
 * Cipher suites of TLS 1.2 by their names in Go's crypto/tls, which crio.conf has, and by OpenSSL's. Those with RC4 and
 * 3DES are in no OpenSSL of today.
 */
const OPENSSL: Readonly<Record<string, string>> = {
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: 'ECDHE-ECDSA-AES128-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256: 'ECDHE-ECDSA-AES128-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: 'ECDHE-ECDSA-AES256-SHA',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: 'ECDHE-RSA-AES128-SHA',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256: 'ECDHE-RSA-AES128-SHA256',
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: 'ECDHE-RSA-AES256-SHA',
  TLS_RSA_WITH_AES_128_GCM_SHA256: 'AES128-GCM-SHA256',
  TLS_RSA_WITH_AES_256_GCM_SHA384: 'AES256-GCM-SHA384',
  TLS_RSA_WITH_AES_128_CBC_SHA: 'AES128-SHA',
  TLS_RSA_WITH_AES_128_CBC_SHA256: 'AES128-SHA256',
  TLS_RSA_WITH_AES_256_CBC_SHA: 'AES256-SHA',
};

/** Those of TLS 1.3 are on wherever TLS 1.3 is: Go has no choice among them. A list may name them all the same. */
const OF_TLS_1_3 = ['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256'];

/** The suite's name in OpenSSL. */
const cipherSuite: Reader<string> = (value) => {
  const name = text(value);
  const found = OPENSSL[name] ?? OF_TLS_1_3.find((each) => each === name);
  if (found !== undefined) return found;
  throw new NotAsExpected(
    `has an entry that is no cipher suite of TLS 1.2 that berth has: ${show(value)}; one is "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"`,
  );
};

/** A list of suites as OpenSSL's `ciphers`(1) takes it; undefined for an empty one, which leaves the choice to us. */
export const cipherSuites: Reader<string | undefined> = (value) => {
  const chosen = listOf(cipherSuite)(value);
  return chosen.length === 0 ? undefined : [...new Set([...OF_TLS_1_3, ...chosen])].join(':');
};
