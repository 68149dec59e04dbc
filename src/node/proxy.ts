import { Fail } from '../core/fail.ts';
import { Secret } from '../core/secret.ts';
import type { ProxyAddress, SecretSource, Spec } from '../profile/profile.ts';
import { proxyProblem, secretAddress } from '../profile/proxy-address.ts';
import type { Resource } from '../resources/resource.ts';
import { type Concern, rendered } from './concern.ts';
import { engineUnits } from './engines.ts';

/** Read by the units that pull images; only root may see it. */
export const proxyFile = '/etc/berth/proxy.env';

/** What is never asked of a proxy: the host itself, and the pods of this node. */
const never = ['localhost', '127.0.0.0/8', '::1'];

type Secrets = ReadonlyMap<SecretSource, Secret>;

/** The variables that programs read, in the spelling of each; empty: no proxy. */
export function proxyVariables(
  { proxy, cni }: Spec,
  secrets: Secrets = new Map(),
): Readonly<Record<string, string | Secret>> {
  const { http, https = http, no } = proxy;
  if (http === undefined && https === undefined) return {};
  const pods = cni.networks.flatMap(({ subnets }) => subnets);
  const except = [...new Set([...never, ...pods, ...no])].join(',');
  const both = (name: string, value: string | Secret | undefined): [string, string | Secret][] =>
    value === undefined
      ? []
      : [
          [name.toUpperCase(), value],
          [name, value],
        ];
  return Object.fromEntries([
    ...both('http_proxy', addressOf(http, secrets)),
    ...both('https_proxy', addressOf(https, secrets)),
    ...both('no_proxy', except),
  ]);
}

/** @throws Fail `BadUsage` when what was read is no address */
function addressOf(address: ProxyAddress | undefined, secrets: Secrets): string | Secret | undefined {
  if (typeof address !== 'object') return address;
  const value = secrets.get(address)?.reveal();
  if (value === undefined) throw new Fail('Internal', 'the address of the proxy was not read');
  const problem = proxyProblem(value);
  if (problem === undefined) return secretAddress(value);
  throw new Fail('BadUsage', `the address of the proxy that spec.proxy names is of no use: ${problem}`, {
    hint: 'It is one as in http://user:password@proxy.example:3128.',
  });
}

export const proxy: Concern = {
  asks: () => ({ files: [proxyFile] }),
  resources: ({ spec, render, secrets }) => {
    const variables = Object.entries(proxyVariables(spec, secrets));
    if (variables.length === 0) return { resources: [] };
    const rest = { mode: 0o600, readBy: engineUnits[spec.engine.name] };
    const values = { variables: variables.map(([name, value]) => ({ name, value: textOf(value) })) };
    const file = rendered(render, proxyFile, values, rest);
    const isSecret = variables.some(([, value]) => value instanceof Secret);
    return { resources: [isSecret ? sealed(file) : file] };
  },
};

const textOf = (value: string | Secret): string => (value instanceof Secret ? value.reveal() : value);

/** Its other lines are no secrets, and stand elsewhere too. */
const sealed = (file: Resource): Resource =>
  file.kind === 'file' && file.content.kind === 'text'
    ? { ...file, content: { kind: 'secret', text: Secret.around(file.content.text) } }
    : file;
