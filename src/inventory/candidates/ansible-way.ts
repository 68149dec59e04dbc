import { type Vars, vaulted } from './ansible-inventory.ts';
import { sshOptions } from './ansible-jump.ts';

/** How a host is reached by what its variables say. */
export type Way =
  | {
      /** What stands in the profile. */
      readonly form: Readonly<Record<string, unknown>>;
      /** Variables that say more than is taken over, each with why. */
      readonly untaken: ReadonlyMap<string, string>;
    }
  /** Ansible speaks to it by this, and not by SSH. */
  | { readonly connection: string };

const overSsh = new Set(['ssh', 'smart', 'paramiko', 'paramiko_ssh', 'ansible.builtin.ssh']);

const reasons = {
  vault: 'vaulted',
  template: 'a template that Ansible alone fills in',
  port: 'no port',
  password: 'no password is taken over',
  options: 'not the way of a jump host',
} as const;

const passwords = [
  ...['ansible_password', 'ansible_ssh_pass', 'ansible_ssh_password'],
  ...['ansible_become_password', 'ansible_become_pass', 'ansible_sudo_pass'],
];

/** The way to a host of an inventory, from all that is said of it. */
export function wayTo(name: string, vars: Vars, keyPath: (path: string) => string): Way {
  const untaken = new Map<string, string>();
  const said = (...keys: readonly string[]): string | undefined => {
    const key = keys.find((one) => vars.has(one));
    const value = key === undefined ? undefined : vars.get(key);
    if (key === undefined || value === undefined) return undefined;
    const text = value === vaulted ? undefined : filledIn(value, vars);
    if (text === undefined) untaken.set(key, value === vaulted ? reasons.vault : reasons.template);
    return text;
  };
  const connection = said('ansible_connection') ?? 'ssh';
  if (connection === 'local') return { form: { local: {} }, untaken };
  if (!overSsh.has(connection)) return { connection };
  const user = said('ansible_user', 'ansible_ssh_user');
  const key = said('ansible_ssh_private_key_file', 'ansible_private_key_file');
  const ssh = {
    host: said('ansible_host', 'ansible_ssh_host') ?? name,
    ...(user === undefined ? {} : { user }),
    ...portOf(said('ansible_port', 'ansible_ssh_port'), untaken),
    ...(key === undefined ? {} : { identityFiles: [keyPath(key)] }),
    ...jumpOf([said('ansible_ssh_common_args'), said('ansible_ssh_extra_args')], untaken),
  };
  for (const one of passwords) if (vars.has(one)) untaken.set(one, reasons.password);
  return { form: { ssh }, untaken };
}

/** Templates that name nothing but another variable are filled in; undefined: there is more to one, or it names a vault. */
function filledIn(text: string, vars: Vars, depth = 5): string | undefined {
  let isWhole = depth > 0;
  const filled = text.replace(/\{\{\s*(\w+)\s*\}\}/g, (_all, name: string) => {
    const value = vars.get(name);
    const inner = typeof value === 'string' && isWhole ? filledIn(value, vars, depth - 1) : undefined;
    isWhole &&= inner !== undefined;
    return inner ?? '';
  });
  return isWhole && !/\{[{%]/.test(filled) ? filled : undefined;
}

function portOf(text: string | undefined, untaken: Map<string, string>): { readonly port?: number } {
  if (text === undefined) return {};
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65536) return { port };
  untaken.set('ansible_port', reasons.port);
  return {};
}

function jumpOf(
  texts: readonly (string | undefined)[],
  untaken: Map<string, string>,
): { readonly jump?: readonly string[] } {
  const { jump, others } = sshOptions(texts.filter((text) => text !== undefined).join(' '));
  for (const other of others) untaken.set(`ansible_ssh_common_args, "${other}"`, reasons.options);
  return jump === undefined ? {} : { jump };
}
