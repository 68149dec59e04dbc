/** How `vagrant ssh-config` says that a machine is reached. */
export interface VagrantSsh {
  readonly hostName: string;
  readonly port: number;
  readonly user: string;
  readonly identityFiles: readonly string[];
  /** Keywords of ways that a plain connection does not go, e.g. ProxyCommand. */
  readonly beyond: readonly string[];
}

const waysBeyond = ['proxycommand', 'proxyjump'];

/**
 * The block of a machine in the output of `vagrant ssh-config`: one keyword a line, a value with blanks in double quotes
 * (ssh_config(5)). Undefined: there is none, or it lacks what a connection needs.
 */
export function parseSshConfig(text: string, machine: string): VagrantSsh | undefined {
  const values = blockOf(text, machine);
  const one = (keyword: string): string | undefined => values.get(keyword)?.[0];
  const hostName = one('hostname');
  const user = one('user');
  const port = Number(one('port') ?? '22');
  if (hostName === undefined || user === undefined || !Number.isInteger(port)) return undefined;
  return {
    hostName,
    port,
    user,
    identityFiles: values.get('identityfile') ?? [],
    beyond: waysBeyond.filter((keyword) => one(keyword) !== undefined && one(keyword) !== 'none'),
  };
}

function blockOf(text: string, machine: string): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>();
  let isOurs = false;
  for (const line of text.split(/\r?\n/)) {
    const match = /^\s*([A-Za-z]+)(?:\s+|\s*=\s*)(.*?)\s*$/.exec(line);
    if (match === null) continue;
    const keyword = (match[1] ?? '').toLowerCase();
    const value = (match[2] ?? '').replace(/^"(.*)"$/, '$1');
    if (keyword === 'host') isOurs = value.split(/\s+/).includes(machine);
    else if (isOurs) values.set(keyword, [...(values.get(keyword) ?? []), value]);
  }
  return values;
}
