import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';

/** What the tokens of ssh_config(5) stand for. */
export interface TokenValues {
  /** As written by the person. */
  readonly originalHost: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly hostKeyAlias: string | undefined;
}

/**
 * A path of ssh_config with `~`, `%` tokens and `${VARIABLE}` replaced, as ssh does before it opens the file.
 * Undefined: it holds a token that only ssh knows.
 */
export function expandPath(path: string, values: TokenValues): string | undefined {
  const me = userInfo();
  const known: Readonly<Record<string, string>> = {
    '%': '%',
    d: me.homedir,
    h: values.host,
    i: String(me.uid),
    k: values.hostKeyAlias ?? values.originalHost,
    L: hostname().split('.')[0] ?? '',
    l: hostname(),
    n: values.originalHost,
    p: String(values.port),
    r: values.user,
    u: me.username,
  };
  let unknown = false;
  const expanded = path
    .replace(/^~\//, `${me.homedir}/`)
    .replace(/%(.)|\$\{([^}]+)\}/g, (whole, token: string | undefined, variable: string | undefined) => {
      const value = token === undefined ? process.env[variable ?? ''] : known[token];
      unknown ||= value === undefined;
      return value ?? whole;
    });
  return unknown ? undefined : expanded.startsWith('/') ? expanded : join(process.cwd(), expanded);
}
