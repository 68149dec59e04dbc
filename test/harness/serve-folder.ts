import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, normalize } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** Serves the files below the folder, as a mirror does, until the test ends. Answers its address. */
export async function serveFolder(
  t: { after(release: () => Promise<void>): void },
  folder: string,
  host: string,
): Promise<string> {
  const server = createServer(async (request, response) => {
    const path = join(
      folder,
      normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://x').pathname)),
    );
    const found = await stat(path).catch(() => undefined);
    if (!found?.isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-length': found.size });
    // Who hangs up early is no error of ours.
    await pipeline(createReadStream(path), response).catch(() => response.destroy());
  });
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen(0, host, resolve);
  await listening;
  t.after(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  return `http://${host}:${(server.address() as AddressInfo).port}`;
}
