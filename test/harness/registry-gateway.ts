import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly range: string | undefined;
}

/** Answers a request itself and returns true, or leaves it to the registry behind. `count` is 1 for the first of this path. */
export type Intercept = (
  request: http.IncomingMessage,
  response: http.ServerResponse,
  count: number,
) => boolean;

export interface Gateway {
  readonly host: string;
  readonly requests: readonly SeenRequest[];
  stop(): Promise<void>;
}

/** A registry's front that can misbehave: what `intercept` does not take goes to `upstream` and back unchanged. */
export const startGateway = async (
  upstream: string,
  intercept: Intercept,
  tls?: { readonly key: string; readonly cert: string },
): Promise<Gateway> => {
  const requests: SeenRequest[] = [];
  const counts = new Map<string, number>();
  const agent = new http.Agent({ keepAlive: false });
  const listener: http.RequestListener = (request, response) => {
    const { method = '', url: path = '', headers } = request;
    requests.push({ method, path, authorization: headers.authorization, range: headers.range });
    const count = (counts.get(path) ?? 0) + 1;
    counts.set(path, count);
    if (!intercept(request, response, count)) forward(upstream, agent, request, response);
  };
  const server = tls === undefined ? http.createServer(listener) : https.createServer(tls, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the gateway has no port');
  return {
    host: `127.0.0.1:${address.port}`,
    requests,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};

const forward = (
  upstream: string,
  agent: http.Agent,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): void => {
  const options = { method: request.method ?? 'GET', headers: { ...request.headers, host: upstream }, agent };
  const onward = http.request(`http://${upstream}${request.url}`, options, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  onward.on('error', () => response.destroy());
  request.pipe(onward);
};
