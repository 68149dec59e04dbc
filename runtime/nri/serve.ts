import { chmod } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import type { Config } from '../config/config.ts';
import { takeSocket } from '../core/take-socket.ts';
import type { Log } from '../observe/log.ts';
import type { Shim } from '../shim/client/shim.ts';
import { type Conduit, socketConduit } from '../ttrpc/conduit.ts';
import { launchPlugins } from './launch.ts';
import type { Nri } from './nri.ts';
import { Plugin } from './plugin.ts';

export interface ServeOptions {
  readonly nri: Nri;
  readonly config: Config['nri'];
  readonly shim: Shim;
  readonly runRoot: string;
  readonly release: string;
  readonly log: Log;
}

export interface NriServer {
  close(): Promise<void>;
}

/** As plugins know us: some do as CRI-O needs it when they hear its name. */
const RUNTIME_NAME = 'berth';

/** Beside those that take part: more do not get in. */
const MOST_CONNECTIONS = 64;

/**
 * Starts the plugins that are installed, waits until they take part, and lets others connect. Neither ends the start of
 * the daemon when it fails: a node without one of its plugins still has its containers.
 */
export const serveNri = async (options: ServeOptions): Promise<NriServer> => {
  const { config, nri, log } = options;
  if (!config.enabled) return { close: async () => {} };
  await launchPlugins({ ...options, admit: (conduit, launched) => admit(options, conduit, launched) });
  const server = config.connections ? await listen(options) : undefined;
  return {
    close: async () => {
      server?.close();
      await nri.shutdown();
      await options.shim
        .call('endPlugins', {}, AbortSignal.timeout(END_TIMEOUT_MS))
        .catch((error: unknown) => log.warn('cannot end the NRI plugins that were started', { error }));
    },
  };
};

const END_TIMEOUT_MS = 2_000;

/** From the first byte until the plugin takes part. Rejects when it does not. */
const admit = async (
  { nri, config, release, log }: ServeOptions,
  conduit: Conduit,
  launched?: { readonly index: string; readonly base: string; readonly config: string },
): Promise<Plugin> => {
  const { requestTimeoutMs, registrationTimeoutMs } = config;
  const plugin: Plugin = new Plugin({
    conduit,
    log,
    requestTimeoutMs,
    registrationTimeoutMs,
    ...(launched === undefined ? {} : { launched }),
    update: (asking, request) => nri.update(asking, request),
  });
  await plugin.start({ name: RUNTIME_NAME, version: release });
  await nri.join(plugin);
  return plugin;
};

const listen = async (options: ServeOptions): Promise<Server | undefined> => {
  const { config, log } = options;
  try {
    await takeSocket(config.listen, 'set [crio.nri] nri_listen to another path, or nri_disable_connections');
    const server = createServer((socket) => void welcome(options, socket));
    server.maxConnections = MOST_CONNECTIONS;
    await listening(server, config.listen);
    await chmod(config.listen, 0o600);
    log.info('NRI plugins may connect', { socket: config.listen });
    return server;
  } catch (error) {
    log.error('NRI plugins cannot connect', { socket: config.listen, error });
    return undefined;
  }
};

const welcome = async (options: ServeOptions, socket: Socket): Promise<void> => {
  try {
    await admit(options, socketConduit(socket));
  } catch (error) {
    options.log.error('an NRI plugin connected and cannot take part', { error });
  }
};

/** A unix socket needs write permission to connect: until `chmod`, the umask keeps everybody but root out. */
const listening = (server: Server, path: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    const umask = process.umask(0o177);
    server.listen(path, resolve);
    process.umask(umask);
  });
