import { Fail } from '../core/fail.ts';

/** sethostname(2) takes 64 bytes; RFC 1123 names the characters, and machines have underscores besides. Fails `InvalidArgument`. */
export const requireHostname = (hostname: string): string => {
  if (/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/.test(hostname)) return hostname;
  throw new Fail(
    'InvalidArgument',
    `hostname ${JSON.stringify(hostname)} is not a host name of 1 to 64 characters`,
  );
};
