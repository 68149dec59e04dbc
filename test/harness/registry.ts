import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createPrivateKey, randomUUID, sign } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { selfSigned } from './self-signed.ts';

export interface RegistryOptions {
  /** `basic`: htpasswd; `token`: a token server of this harness, which the registry verifies. Default: open. */
  readonly auth?: 'basic' | 'token';
  readonly username?: string;
  readonly password?: string;
  /** With `token`: pulling needs no credentials, but a token. */
  readonly anonymousPull?: boolean;
  /** With `token`: an identity token that stands for the user. */
  readonly identityToken?: string;
}

export interface TestRegistry {
  /** `127.0.0.1:port`. */
  readonly host: string;
  /** What the token server was asked, without secrets: `GET repository:a/b:pull basic`. */
  readonly tokenRequests: readonly string[];
  stop(): Promise<void>;
}

/** Starts the distribution's docker-registry on a free loopback port, its blobs in memory. */
export const startRegistry = async (options: RegistryOptions = {}): Promise<TestRegistry> => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-registry-'));
  const tokens = options.auth === 'token' ? await startTokenServer(folder, options) : undefined;
  const port = await freePort();
  let child: ChildProcess | undefined;
  const stop = async (): Promise<void> => {
    await end(child);
    await tokens?.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const file = join(folder, 'config.json');
    writeFileSync(file, JSON.stringify(configuration(port, folder, options, tokens?.url)));
    child = spawn('docker-registry', ['serve', file], { stdio: 'ignore' });
    await answers(port, child);
  } catch (error) {
    await stop();
    throw error;
  }
  return { host: `127.0.0.1:${port}`, tokenRequests: tokens?.requests ?? [], stop };
};

/** JSON is YAML. */
const configuration = (
  port: number,
  folder: string,
  options: RegistryOptions,
  realm: string | undefined,
) => ({
  version: '0.1',
  log: { level: 'error', accesslog: { disabled: true } },
  storage: { inmemory: {} },
  http: { addr: `127.0.0.1:${port}`, secret: 'test' },
  ...(options.auth === 'basic'
    ? { auth: { htpasswd: { realm: 'test', path: htpasswd(folder, options) } } }
    : {}),
  ...(realm === undefined
    ? {}
    : {
        auth: {
          token: {
            realm,
            service: 'test-registry',
            issuer: 'test-issuer',
            rootcertbundle: join(folder, 'token.crt'),
          },
        },
      }),
});

/** The registry takes bcrypt only, which perl's crypt() has on glibc systems. */
const htpasswd = (folder: string, { username = 'user', password = 'secret' }: RegistryOptions): string => {
  const program = 'print crypt($ARGV[0], q($2y$05$abcdefghijklmnopqrstuu))';
  const hash = execFileSync('perl', ['-e', program, password], { encoding: 'utf8' });
  const file = join(folder, 'htpasswd');
  writeFileSync(file, `${username}:${hash}\n`);
  return file;
};

interface TokenServer {
  readonly url: string;
  readonly requests: string[];
  stop(): Promise<void>;
}

const startTokenServer = async (folder: string, options: RegistryOptions): Promise<TokenServer> => {
  const { username = 'user', password = 'secret', anonymousPull = false, identityToken } = options;
  const issue = tokenIssuer(folder);
  const requests: string[] = [];
  const basic = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;

  const server = http.createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const form = request.method === 'POST' ? new URLSearchParams(await textOf(request)) : url.searchParams;
    const scope = form.get('scope') ?? '';
    const refresh = form.get('refresh_token') ?? undefined;
    const how =
      refresh === undefined
        ? request.headers.authorization === undefined
          ? 'anonymous'
          : 'basic'
        : 'identity';
    requests.push(`${request.method} ${scope} ${how}`);
    const known =
      how === 'basic'
        ? request.headers.authorization === basic
        : how === 'identity' && refresh === identityToken;
    if (!known && !(how === 'anonymous' && anonymousPull)) {
      response.writeHead(401).end('{"errors":[{"code":"UNAUTHORIZED"}]}');
      return;
    }
    const token = issue(known ? username : '', scope, known ? ['pull', 'push'] : ['pull']);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(how === 'identity' ? { access_token: token } : { token }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${portOf(server)}/token`,
    requests,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};

/** Signs what docker-registry's token authentication verifies: a JWT with its certificate in the header. */
const tokenIssuer = (folder: string) => {
  const files = selfSigned(folder, 'token');
  const key = createPrivateKey(readFileSync(files.key));
  const x5c = [readFileSync(files.certificate, 'utf8').replace(/-----[A-Z ]+-----|\s/g, '')];
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return (subject: string, scope: string, granted: readonly string[]): string => {
    const [type = '', ...middle] = scope.split(':');
    const wanted = middle.pop()?.split(',') ?? [];
    const now = Math.floor(Date.now() / 1000);
    const head = encode({ typ: 'JWT', alg: 'RS256', x5c });
    const body = encode({
      iss: 'test-issuer',
      sub: subject,
      aud: 'test-registry',
      exp: now + 300,
      nbf: now - 10,
      iat: now,
      jti: randomUUID(),
      access: [
        { type, name: middle.join(':'), actions: wanted.filter((action) => granted.includes(action)) },
      ],
    });
    return `${head}.${body}.${sign('sha256', Buffer.from(`${head}.${body}`), key).toString('base64url')}`;
  };
};

/** A token of the registry's own token server, for pushing. */
export const tokenFor = async (
  registry: TestRegistry,
  repository: string,
  user: string,
  password: string,
): Promise<string> => {
  const refusal = await fetch(`http://${registry.host}/v2/${repository}/tags/list`);
  await refusal.text();
  const realm = /realm="([^"]+)"/.exec(refusal.headers.get('www-authenticate') ?? '')?.[1];
  const answer = await fetch(`${realm}?service=test-registry&scope=repository:${repository}:pull,push`, {
    headers: { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` },
  });
  const body: unknown = await answer.json();
  if (typeof body !== 'object' || body === null || !('token' in body)) throw new Error('no token');
  return String(body.token);
};

const textOf = async (request: http.IncomingMessage): Promise<string> => {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
};

const portOf = (server: { address(): AddressInfo | string | null }): number => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
};

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server);
  server.close();
  await once(server, 'close');
  return port;
};

const answers = async (port: number, child: ChildProcess): Promise<void> => {
  for (let tries = 0; tries < 200; tries += 1) {
    if (child.exitCode !== null) throw new Error(`docker-registry ended with code ${child.exitCode}`);
    try {
      await (await fetch(`http://127.0.0.1:${port}/v2/`)).text();
      return;
    } catch {
      await sleep(50);
    }
  }
  throw new Error('docker-registry does not answer');
};

const end = async (child: ChildProcess | undefined): Promise<void> => {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
};
