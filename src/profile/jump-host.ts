import { isIP } from 'node:net';

/** What `user@host:port` names; only the host must be there. */
export interface Hop {
  readonly host: string;
  readonly port?: number;
  readonly user?: string;
}

/**
 * A jump host in the form of ssh(1)'s -J: `host`, `user@host`, `host:port`, an IPv6 address in brackets where a port
 * follows, or an `ssh://` address. A text is what is wrong with it.
 */
export function parseHop(text: string): Hop | string {
  const match =
    /^(?:ssh:\/\/)?(?:([^@]+)@)?(\[[^\]]+\]|[^:[\]]+|[^[\]]*:[^[\]]*:[^[\]]*)(?::(\d+))?\/?$/.exec(text);
  if (match === null) return 'write user@host:port; user and port may be left out';
  const [, user, bracketed = '', digits] = match;
  const host = bracketed.replace(/^\[|\]$/g, '');
  const isSlip = /^\d+(?:\.\d+){3}$/.test(host) && isIP(host) === 0;
  if (isSlip || !/^(?!-)[A-Za-z0-9._:%-]+$/.test(host))
    return `${host} is neither a host name nor an address`;
  if (user !== undefined && !/^[A-Za-z_][A-Za-z0-9_.-]*\$?$/.test(user)) return `${user} is no user name`;
  const port = digits === undefined ? undefined : Number(digits);
  if (port !== undefined && (port < 1 || port > 65535)) return `${port} is no port`;
  return { host, ...(port === undefined ? {} : { port }), ...(user === undefined ? {} : { user }) };
}
