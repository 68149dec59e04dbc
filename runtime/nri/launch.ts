import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { absent } from '../core/absent.ts';
import { Fail } from '../core/fail.ts';
import type { Log } from '../observe/log.ts';
import type { Shim } from '../shim/client/shim.ts';
import { type Conduit, socketConduit } from '../ttrpc/conduit.ts';
import { type Plugin, parsePluginName } from './plugin.ts';

interface Installed {
  readonly path: string;
  readonly index: string;
  readonly base: string;
  readonly config: string;
}

export interface LaunchOptions {
  readonly config: Config['nri'];
  readonly shim: Shim;
  readonly runRoot: string;
  readonly log: Log;
  readonly admit: (conduit: Conduit, launched: Installed) => Promise<Plugin>;
}

/**
 * Starts the programs in the folder of plugins, each with a connection at hand. berth-shim starts them, as it does every
 * process; it connects to a socket of ours and hands the connection on. Those of an earlier daemon end first.
 */
export const launchPlugins = async (options: LaunchOptions): Promise<void> => {
  const { config, shim, log } = options;
  try {
    removeSockets(options.runRoot);
    const installed = await findPlugins(config, log);
    await shim.call('endPlugins', {}, AbortSignal.timeout(config.registrationTimeoutMs));
    await Promise.all(installed.map((plugin) => launch(options, plugin)));
  } catch (error) {
    log.error('cannot start the installed NRI plugins', { folder: config.pluginDir, error });
  }
};

const launch = async (options: LaunchOptions, installed: Installed): Promise<void> => {
  const { shim, log, admit, config } = options;
  const { path, index, base } = installed;
  const fields = { plugin: `${index}-${base}`, path };
  try {
    const signal = AbortSignal.timeout(config.registrationTimeoutMs);
    const socket = await connectionOf(options, signal, async (at) => {
      await shim.call(
        'startPlugin',
        { path, socket: at, env: { NRI_PLUGIN_NAME: base, NRI_PLUGIN_IDX: index } },
        signal,
      );
    });
    const plugin = await admit(socketConduit(socket), installed);
    plugin.closed.then(() => endPlugin(options, path));
  } catch (error) {
    log.error('an installed NRI plugin cannot take part', { ...fields, error });
    endPlugin(options, path);
  }
};

/** One that was dropped has nothing more to do. */
const endPlugin = ({ shim, config, log }: LaunchOptions, path: string): void => {
  shim
    .call('endPlugins', { path }, AbortSignal.timeout(config.registrationTimeoutMs))
    .catch((error: unknown) => log.warn('cannot end an NRI plugin', { path, error }));
};

/** The one connection that comes to a socket which is there for it alone. */
const connectionOf = async (
  { runRoot }: LaunchOptions,
  signal: AbortSignal,
  invite: (path: string) => Promise<void>,
): Promise<Socket> => {
  const path = join(runRoot, `${SOCKET}${randomBytes(6).toString('hex')}`);
  const server = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const late = () => reject(new Fail('DeadlineExceeded', 'nobody connected in its name'));
  signal.addEventListener('abort', late, { once: true });
  server.once('connection', resolve);
  server.once('error', reject);
  promise.catch(() => {});
  try {
    const umask = process.umask(0o177);
    server.listen(path);
    process.umask(umask);
    await invite(path);
    return await promise;
  } finally {
    signal.removeEventListener('abort', late);
    server.close();
    rmSync(path, { force: true });
  }
};

/** Names of the sockets for single connections begin so. */
const SOCKET = 'nri-plugin-';

/** Those of a daemon that was killed while it started its plugins. */
const removeSockets = (runRoot: string): void => {
  for (const name of readdirSync(runRoot)) if (name.startsWith(SOCKET)) rmSync(join(runRoot, name));
};

const findPlugins = async (config: Config['nri'], log: Log): Promise<readonly Installed[]> => {
  const files = (await readdir(config.pluginDir).catch(absent)) ?? [];
  const found = await Promise.all(files.toSorted().map((file) => findPlugin(config, file, log)));
  return found.filter((one) => one !== undefined);
};

const findPlugin = async (
  { pluginDir, pluginConfigDir }: Config['nri'],
  file: string,
  log: Log,
): Promise<Installed | undefined> => {
  const path = join(pluginDir, file);
  const stats = await stat(path).catch(absent);
  if (stats === undefined || !stats.isFile() || (stats.mode & 0o111) === 0) return undefined;
  try {
    const { index, base } = parsePluginName(file);
    const texts = await Promise.all(
      [file, base].map((name) => readFile(join(pluginConfigDir, `${name}.conf`), 'utf8').catch(absent)),
    );
    return { path, index, base, config: texts.find((text) => text !== undefined) ?? '' };
  } catch (error) {
    log.error('this is no NRI plugin that can be started', { path, error });
    return undefined;
  }
};
