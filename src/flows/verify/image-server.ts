import type { Architecture } from '../../artifacts/pins.ts';
import { serveWalkthroughImage } from '../../artifacts/walkthrough-image.ts';
import { Fail } from '../../core/fail.ts';
import type { Connection } from '../../host/transport/connection.ts';
import { parseReference } from '../../profile/image-reference.ts';
import type { HostEntry } from '../../profile/profile.ts';
import type { FlowContext } from '../context.ts';

type Served = Awaited<ReturnType<typeof serveWalkthroughImage>>;

/** Makes the image of the walk-through reachable for hosts that get it from us. */
export interface ImageServer extends AsyncDisposable {
  /** Until closed, the port that the image names leads from the host's loopback to our registry. */
  offerTo(host: HostEntry, connection: Connection, signal: AbortSignal): Promise<{ close(): Promise<void> }>;
}

const architectures: ReadonlyMap<string, Architecture> = new Map([
  ['x86_64', 'x64'],
  ['aarch64', 'arm64'],
  ['arm64', 'arm64'],
]);

const architectureOf = async (connection: Connection, signal: AbortSignal): Promise<Architecture> => {
  const { stdout } = await connection.sh('uname -m', { signal });
  const architecture = architectures.get(stdout.trim());
  if (architecture !== undefined) return architecture;
  throw new Fail(
    'Unsupported',
    `${connection.host}: there is no embedded image for the machine type ${stdout.trim()}`,
    {
      hint: 'set spec.verify.imageSource to registry, and spec.verify.image to an image for it',
    },
  );
};

/** The port in `localhost:5000/crio/redis:alpine`; the profile's rules ask for it. */
const portOf = (image: string): number => {
  const parts = parseReference(image);
  return Number(typeof parts === 'string' ? Number.NaN : parts.registry?.split(':')[1]);
};

/** Serves each architecture's image once, when the first host of that kind wants it. */
export const makeImageServer = ({ emit, signal: whole, lock }: FlowContext): ImageServer => {
  const served = new Map<Architecture, Promise<Served>>();
  const serve = (arch: Architecture): Promise<Served> => {
    const server = served.get(arch) ?? serveLocked(arch);
    served.set(arch, server);
    return server;
  };
  const serveLocked = async (arch: Architecture): Promise<Served> =>
    serveWalkthroughImage({ arch, signal: whole, emit, lock: await lock?.() });
  return {
    async offerTo(host, connection, signal) {
      const { image, imageSource, level } = host.spec.verify;
      if (imageSource !== 'embedded' || level === 'smoke') return { close: async () => undefined };
      const { port } = await serve(await architectureOf(connection, signal));
      return await connection.forwardToLocal(portOf(image), port);
    },
    async [Symbol.asyncDispose]() {
      for (const server of await Promise.allSettled(served.values()))
        if (server.status === 'fulfilled') await server.value.close();
    },
  };
};
