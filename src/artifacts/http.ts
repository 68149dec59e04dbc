import type { Dispatcher } from 'undici';

/** An answer, as far as downloads look at it. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: AsyncIterable<Uint8Array>;
  header(name: string): string | undefined;
  text(): Promise<string>;
  /** The body is not wanted. */
  discard(): void;
}

const variables = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'no_proxy', 'NO_PROXY'];
const agents = new Map<string, Dispatcher>();

/** The agent for the proxies that the environment names now. */
async function agent(): Promise<Dispatcher> {
  const key = JSON.stringify(variables.map((name) => process.env[name]));
  const known = agents.get(key);
  if (known !== undefined) return known;
  const { EnvHttpProxyAgent } = await import('undici');
  // Proxies that let CONNECT through to port 80 are rare; plain requests they all take.
  const made = new EnvHttpProxyAgent({ proxyTunnel: false });
  agents.set(key, made);
  return made;
}

/** GET, redirects followed, through the proxy that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name. */
export const get = (
  url: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<HttpAnswer> => send(url, { headers, signal });

export interface HttpRequest {
  /** GET unless said otherwise. */
  readonly method?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
}

/** Any request, as `get` does it. */
export async function send(
  url: string,
  { method = 'GET', headers, body, signal }: HttpRequest,
): Promise<HttpAnswer> {
  const { fetch } = await import('undici');
  const response = await fetch(url, {
    method,
    ...(body === undefined ? {} : { body }),
    // What a server compresses on the way would not have the length that it promised.
    headers: { ...headers, 'accept-encoding': 'identity' },
    signal,
    dispatcher: await agent(),
  });
  return {
    status: response.status,
    body: (response.body ?? []) as AsyncIterable<Uint8Array>,
    header: (name) => response.headers.get(name) ?? undefined,
    text: () => response.text(),
    discard: () => void response.body?.cancel().catch(() => undefined),
  };
}

/** Where nobody is there, or nobody of that name, the next attempt would hear the same, only later. */
const brokenOff = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'UND_ERR_SOCKET', 'UND_ERR_CONNECT_TIMEOUT']);

/** fetch() says only "fetch failed"; the reason is the innermost cause. */
export function networkFailure(error: unknown): { readonly reason: string; readonly mayPass: boolean } {
  if (!(error instanceof Error)) return { reason: String(error), mayPass: false };
  if (error instanceof AggregateError && error.errors.length > 0) return networkFailure(error.errors[0]);
  if (error.cause instanceof Error) return networkFailure(error.cause);
  const code = 'code' in error ? String(error.code) : '';
  return { reason: error.message, mayPass: brokenOff.has(code) };
}
