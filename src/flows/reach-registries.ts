import { readFile } from 'node:fs/promises';
import { quote } from '../host/quote.ts';
import type { HostEntry, ProxyAddress } from '../profile/profile.ts';
import type { FlowContext } from './context.ts';
import { onHosts } from './on-hosts.ts';

/** Whether a registry answers a host. */
export interface RegistryAnswer {
  readonly registry: string;
  readonly ok: boolean;
  /** What was seen, in words. */
  readonly detail: string;
  /** It answers without TLS, which the profile does not allow it. */
  readonly isPlain?: boolean;
}

const scriptText = readFile(new URL('./reach-registries.sh', import.meta.url), 'utf8');
scriptText.catch(() => {});

/** Ten seconds for each try, two tries for a registry, and some of them. */
const deadlineMs = 180_000;

/** Asks registries from hosts, by the way that pulls go. `answered` is told of each host; those that fail, by events. */
export const reachRegistries = async (
  context: FlowContext,
  registries: readonly string[],
  answered: (host: HostEntry, answers: readonly RegistryAnswer[]) => void,
): Promise<void> => {
  await onHosts(context, context.hosts, async (host) => {
    const connection = await context.connect(host);
    const { stdout } = await connection.sh(await scriptFor(host, registries), {
      signal: AbortSignal.any([context.signal, AbortSignal.timeout(deadlineMs)]),
    });
    answered(host, answersIn(stdout, registries));
  });
};

/** By names: wget knows no ranges, nor does a curl before 7.86. */
const loopback = ['localhost', '127.0.0.1', '::1'];

/** A proxy with a login is a secret and goes nowhere near a command line: without it, the host is asked without one. */
const openProxy = (proxy: ProxyAddress | undefined): string | undefined =>
  typeof proxy === 'string' ? proxy : undefined;

const scriptFor = async ({ spec }: HostEntry, registries: readonly string[]): Promise<string> => {
  const http = openProxy(spec.proxy.http);
  const https = openProxy(spec.proxy.https) ?? http;
  const parameters: [string, string][] = [
    ['registries', registries.join(' ')],
    ['insecure', spec.registries.insecure.join(' ')],
    ...(http === undefined ? [] : ([['http_proxy', http]] as [string, string][])),
    ...(https === undefined ? [] : ([['https_proxy', https]] as [string, string][])),
    ['no_proxy', [...loopback, ...spec.proxy.no].join(',')],
  ];
  const assignments = parameters.map(([name, value]) => `${name}=${quote(value)}; export ${name}`);
  return `${assignments.join('\n')}\n${await scriptText}`;
};

/** A registry that wants a login answers too. */
const answers = new Set(['200', '401', '403']);

/** Of several, after redirections, the last. */
const statusIn = (said: string): string | undefined =>
  [...said.matchAll(/\bstatus ([1-5]\d\d)\b/g)].at(-1)?.[1];

const answersIn = (stdout: string, registries: readonly string[]): RegistryAnswer[] => {
  const lines = new Map(
    stdout.split('\n').flatMap((line): [string, string][] => {
      const cut = line.indexOf('\t');
      return cut < 0 ? [] : [[line.slice(0, cut), line.slice(cut + 1).trim()]];
    }),
  );
  return registries.map((registry) => {
    const said = lines.get(registry);
    if (said === undefined) return { registry, ok: false, detail: 'was not asked' };
    if (said === 'plain')
      return { registry, ok: false, isPlain: true, detail: 'speaks plain HTTP, without TLS' };
    if (said.endsWith('open')) return { registry, ok: true, detail: 'accepts connections' };
    const status = statusIn(said);
    if (status !== undefined && answers.has(status)) return { registry, ok: true, detail: 'answers' };
    return {
      registry,
      ok: false,
      detail: status === undefined ? reasonIn(said) : `answers with status ${status}: no registry`,
    };
  });
};

/** Tools begin with what they do; why it did not work stands at the end. */
const reasonIn = (said: string): string =>
  said
    .replace(/ *status 000$/, '')
    .replace(/^.*(?:curl: \(\d+\)|failed:|wget:|bash: (?:line \d+:)?) */, '')
    .trim()
    .slice(0, 120) || 'does not answer in time';
