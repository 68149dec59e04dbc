import type { Spec } from '../profile/profile.ts';
import { type Concern, rendered } from './concern.ts';

/** Read by the units that pull images; only root may see it. */
export const proxyFile = '/etc/berth/proxy.env';

/** What is never asked of a proxy: the host itself, and the pods of this node. */
const never = ['localhost', '127.0.0.0/8', '::1'];

/** The variables that programs read, in the spelling of each; empty: no proxy. */
export function proxyVariables({ proxy, cni }: Spec): Readonly<Record<string, string>> {
  const { http, https = http, no } = proxy;
  if (http === undefined && https === undefined) return {};
  const pods = cni.networks.flatMap(({ subnets }) => subnets);
  const except = [...new Set([...never, ...pods, ...no])].join(',');
  const both = (name: string, value: string | undefined): [string, string][] =>
    value === undefined
      ? []
      : [
          [name.toUpperCase(), value],
          [name, value],
        ];
  return Object.fromEntries([
    ...both('http_proxy', http),
    ...both('https_proxy', https),
    ...both('no_proxy', except),
  ]);
}

export const proxy: Concern = {
  asks: () => ({ files: [proxyFile] }),
  resources: ({ spec, render }) => {
    const variables = Object.entries(proxyVariables(spec));
    if (variables.length === 0) return { resources: [] };
    const values = { variables: variables.map(([name, value]) => ({ name, value })) };
    return {
      resources: [
        rendered(render, proxyFile, values, {
          mode: 0o600,
          readBy: ['berth-shim.service', 'berthd.service'],
        }),
      ],
    };
  },
};
