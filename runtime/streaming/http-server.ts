import type { Server } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import { http, https } from '../core/builtin-http.ts';
import { failedWith } from '../core/fail.ts';
import type { Log } from '../observe/log.ts';
import { Certificates, type TlsFiles } from './certificates.ts';

const LIMITS = { headersTimeout: 10_000, requestTimeout: 15_000, maxHeaderSize: 16 * 1024 };
const HANDSHAKE_TIMEOUT_MS = 10_000;

/** The server that streams come to, over TLS if `tls` names certificates. Throws `InvalidArgument` for unusable ones. */
export const createHttpServer = (tls: TlsFiles | undefined, log: Log): Server => {
  if (tls === undefined) return http.createServer(LIMITS);
  const certificates = new Certificates(tls);
  const authenticates = tls.ca !== undefined;
  const server = https.createServer({
    ...LIMITS,
    ...certificates.changed(),
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    requestCert: authenticates,
    rejectUnauthorized: authenticates,
  });
  // Before the listener of node:tls, which takes the certificates of that moment.
  server.prependListener('connection', () => renew(server, certificates, log));
  server.on('tlsClientError', (error, { authorizationError }) => {
    // node:tls hangs up on whom it does not trust, and tells no more than that the connection is gone.
    const told = 'reason' in error ? String(error.reason) : error.message;
    const reason = authorizationError === null ? told : `its certificate: ${authorizationError}`;
    log.info('a streaming client failed at the TLS handshake', { reason });
  });
  return server;
};

const renew = (server: TlsServer, certificates: Certificates, log: Log): void => {
  try {
    const context = certificates.changed();
    if (context === undefined) return;
    server.setSecureContext(context);
    log.info('took the new certificates of the streaming server');
  } catch (error) {
    if (!failedWith(error, 'InvalidArgument')) throw error;
    log.warn('keeping the former certificates of the streaming server', { error });
  }
};
