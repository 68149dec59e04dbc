import type { Architecture } from '../../artifacts/pins.ts';
import { byteProgress } from '../../artifacts/report.ts';
import type { ImageServing, Registry } from '../../artifacts/walkthrough/registry.ts';
import { walkthroughImageServing } from '../../artifacts/walkthrough-image.ts';
import type { Emit } from '../../core/events.ts';
import { Fail } from '../../core/fail.ts';
import type { Connection } from '../../host/transport/connection.ts';
import { parseReference } from '../../profile/image-reference.ts';
import type { HostEntry } from '../../profile/profile.ts';
import type { FlowContext } from '../context.ts';

/** Makes the image of the walk-through reachable for hosts that get it from us. */
export interface ImageServer extends AsyncDisposable {
  /**
   * Until closed, the port that the image names leads from the host's loopback to our registry. `arch`: of the host, where
   * it is known already.
   */
  offerTo(
    host: HostEntry,
    connection: Connection,
    options: { readonly signal: AbortSignal; readonly arch: Architecture | undefined },
  ): Promise<{ close(): Promise<void> }>;
}

/** The check in which hosts fetch the image. */
const pullCheck = 'redis.pull';

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

/** sshd says no more than that it does not forward; whether somebody listens there already, the kernel says. */
const portTaken = async (
  connection: Connection,
  port: number,
  { signal, cause }: { readonly signal: AbortSignal; readonly cause: unknown },
): Promise<Fail | undefined> => {
  // proc_pid_net(5): the local address is the second field, the state the fourth; 0A is TCP_LISTEN.
  const { stdout } = await connection.sh('cat /proc/net/tcp /proc/net/tcp6 2> /dev/null', { signal });
  const end = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const taken = stdout.split('\n').some((line) => {
    const [, local, , state] = line.trim().split(/\s+/);
    return local?.endsWith(end) === true && state === '0A';
  });
  if (!taken) return undefined;
  return new Fail(
    'Unsupported',
    `${connection.host}: port ${port} is taken there; the image comes through it`,
    {
      hint:
        'another run of berth may be proving the node: run this again when it is over; ' +
        `otherwise see who listens there with: ss -ltnp 'sport = :${port}'`,
      cause,
    },
  );
};

/** Makes each architecture's image once, when the first host of that kind wants it, and serves it to each host apart. */
export const makeImageServer = ({ emit, signal: whole, lock }: FlowContext): ImageServer => {
  const made = new Map<Architecture, Promise<ImageServing>>();
  const servingFor = (arch: Architecture): Promise<ImageServing> => {
    const serving = made.get(arch) ?? makeLocked(arch);
    made.set(arch, serving);
    return serving;
  };
  const makeLocked = async (arch: Architecture): Promise<ImageServing> =>
    walkthroughImageServing({ arch, signal: whole, emit, lock: await lock?.() });
  const open: Registry[] = [];
  return {
    async offerTo(host, connection, { signal, arch }) {
      const { image, imageSource, level } = host.spec.verify;
      if (imageSource !== 'embedded' || level === 'smoke') return { close: async () => undefined };
      const { bytes, serve } = await servingFor(arch ?? (await architectureOf(connection, signal)));
      const registry = await serve(counted(emit, host.name, bytes));
      open.push(registry);
      const port = portOf(image);
      try {
        return await connection.forwardToLocal(port, registry.port);
      } catch (error) {
        throw (await portTaken(connection, port, { signal, cause: error })) ?? error;
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(open.map((registry) => registry.close()));
    },
  };
};

/** The first pull alone is counted: what a host fetches again afterwards is no progress. */
const counted = (emit: Emit, host: string, total: number): ((bytes: number) => void) => {
  const tell = byteProgress({ emit, host }, pullCheck, total);
  let done = 0;
  return (bytes) => {
    if (done === total) return;
    done = Math.min(done + bytes, total);
    tell(done);
  };
};
