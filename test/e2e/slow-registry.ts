import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { walkthroughImageServing } from '../../src/artifacts/walkthrough-image.ts';
import { artifactCache } from './berth.ts';

/** At which layers arrive, until somebody is in a hurry. */
const bytesPerMillisecond = 300;

export interface SlowRegistry extends AsyncDisposable {
  /** Its address and port. It has `crio/redis:alpine`, and speaks plain HTTP. */
  readonly host: string;
  hurry(): void;
}

/** The image of the walk-through on an address of this machine, over a line so slow that one can watch it. */
export const slowRegistry = async (address: string): Promise<SlowRegistry> => {
  process.env['BERTH_CACHE'] = artifactCache;
  const signal = AbortSignal.timeout(600_000);
  const arch = process.arch === 'arm64' ? 'arm64' : 'x64';
  const serving = await walkthroughImageServing({ arch, signal, emit: () => undefined });
  const behind = await serving.serve(() => undefined);
  let isSlow = true;
  const pass = async (answer: http.IncomingMessage, response: http.ServerResponse): Promise<void> => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    for await (const chunk of answer) {
      response.write(chunk);
      if (isSlow) await pause(chunk.length / bytesPerMillisecond);
    }
    response.end();
  };
  const server = http.createServer(({ url, method, headers }, response) => {
    const onward = { host: '127.0.0.1', port: behind.port, path: url, method, headers };
    http
      .request(onward, (answer) => void pass(answer, response).catch(() => response.destroy()))
      .on('error', () => response.destroy())
      .end();
  });
  server.listen(0, address);
  await once(server, 'listening');
  return {
    host: `${address}:${(server.address() as AddressInfo).port}`,
    hurry: () => {
      isSlow = false;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await behind.close();
    },
  };
};
