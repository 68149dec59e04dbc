import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import packageJson from '../package.json' with { type: 'json' };
import type { Config } from './config/config.ts';
import { type ConfigSources, loadConfig } from './config/load.ts';
import { createExits } from './containers/exits.ts';
import { containerRecords, type Roots } from './containers/folders.ts';
import { createQueues } from './containers/queue.ts';
import { openContainers } from './containers/record.ts';
import { Fail } from './core/fail.ts';
import { CRI_SOCKET_HINT, takeSocket } from './core/take-socket.ts';
import { createAppArmor } from './cri/app-armor.ts';
import { createContainerEvents } from './cri/container-events.ts';
import type { Daemon } from './cri/daemon.ts';
import { createHandlerFeatures } from './cri/handler-features.ts';
import { createMetrics } from './cri/metrics/metrics.ts';
import { nriOrders } from './cri/nri-orders.ts';
import { criServices } from './cri/services.ts';
import { createStats } from './cri/stats/stats.ts';
import { configForm } from './cri/status.ts';
import { serve } from './cri/transport.ts';
import { createPullImage } from './images/pull.ts';
import { openPullsUnderWay } from './images/pulls-under-way.ts';
import { namesMeant } from './images/registry-sources.ts';
import type { PullImage } from './images/store/image.ts';
import { openImageStore } from './images/store/open.ts';
import { lockFile } from './linux/locks.ts';
import { createNetwork } from './network/create-network.ts';
import { Nri } from './nri/nri.ts';
import { serveNri } from './nri/serve.ts';
import { createLog, type Log } from './observe/log.ts';
import { createNotify } from './observe/notify.ts';
import { keepWatchdog } from './observe/watchdog.ts';
import { readHostFacts } from './oci/host-facts.ts';
import type { PodContext } from './pods/context.ts';
import { networkState, podRecords } from './pods/folders.ts';
import { notePauseEnd } from './pods/pause.ts';
import { openPods } from './pods/record.ts';
import { settleAtStart, settleWithShim } from './pods/settle.ts';
import { cgroupReader } from './resources/usage/reader.ts';
import { connectShim } from './shim/client/connect.ts';
import type { Shim } from './shim/client/shim.ts';
import { createStreamingServer } from './streaming/server.ts';

/** How long calls wait for a shim that is being restarted. */
const SHIM_RECONNECT_MS = 10_000;
/** How long calls in flight may go on after SIGTERM. */
const CLOSE_GRACE_MS = 5_000;
const STREAM_TOKEN_TTL_MS = 60_000;
const STREAM_CREATION_TIMEOUT_MS = 30_000;

const underJournal = process.env['JOURNAL_STREAM'] !== undefined;

const main = async (): Promise<void> => {
  const { values: flags, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      config: { type: 'string' },
      'config-dir': { type: 'string' },
      version: { type: 'boolean' },
    },
  });
  if (flags.version === true) {
    process.stdout.write(`berthd ${packageJson.version}\n`);
    return;
  }
  const registriesFile = process.env['CONTAINERS_REGISTRIES_CONF'];
  const sources: ConfigSources = {
    ...(registriesFile === undefined ? {} : { registriesFile }),
    ...(flags.config === undefined ? {} : { file: flags.config }),
    ...(flags['config-dir'] === undefined ? {} : { dropInDir: flags['config-dir'] }),
  };
  const config = await loadConfig(sources);
  const [command] = positionals;
  if (command === 'config') {
    // What a daemon that starts now would work with, in the form of `crictl info`.
    process.stdout.write(`${JSON.stringify(configForm(config))}\n`);
    return;
  }
  if (command !== undefined) throw unknownCommand(command);
  const log = createLog({
    level: config.logLevel,
    write: (line) => process.stderr.write(line),
    journal: underJournal,
  });
  for (const key of config.ignored) log.warn('configuration key without effect', { key });
  await run(config, sources, log);
};

const unknownCommand = (command: string): Fail =>
  new Fail('InvalidArgument', `berthd has no command ${command}`, {
    hint: 'it has one, config, which prints the configuration that it reads; without a command it serves',
  });

/** From the first look at the records to the last answer. */
const run = async (config: Config, sources: ConfigSources, log: Log): Promise<void> => {
  await takeSocket(config.listen, CRI_SOCKET_HINT);
  takeRecords(config.runRoot);
  const shim = await connectShim({
    socketPath: join(config.runRoot, 'shim.sock'),
    reconnectMs: SHIM_RECONNECT_MS,
  });
  const hosting: { daemon?: Daemon } = {};
  const context = openContext(config, shim, log, hosting);
  const images = await openImageStore({
    root: config.root,
    log,
    namesMeant: (shortName) => namesMeant(shortName, pulling.settings().registries),
  });
  const underWay = openPullsUnderWay(join(config.runRoot, 'pulls'), shim, log);
  const pulling = reloadablePull(
    (settings) => createPullImage({ store: images, shim, underWay, config: settings }),
    config,
  );

  await settleAtStart(context);
  shim.onConnected(() => void settleAgain(context));

  const streaming = createStreamingServer({
    address: config.stream.address,
    port: config.stream.port,
    tls: config.stream.tls,
    tokenTtlMs: STREAM_TOKEN_TTL_MS,
    idleTimeoutMs: config.stream.idleTimeoutSeconds * 1000,
    creationTimeoutMs: STREAM_CREATION_TIMEOUT_MS,
    log,
  });
  const { baseUrl } = await streaming.listen();
  const host = await readHostFacts();
  const reader = cgroupReader(host.cgroups);
  const stats = createStats({ context, config, reader });
  const daemon: Daemon = {
    ...context,
    config,
    configInForce: () => ({ ...config, ...pulling.settings() }),
    release: packageJson.version,
    host,
    images,
    pullImage: pulling.pull,
    streaming,
    events: createContainerEvents(context.pods, context.containers),
    cgroupReader: reader,
    stats,
    metrics: createMetrics({ context, config, host, reader, stats }),
    handlerFeatures: createHandlerFeatures({ ...context, host }),
    appArmor: createAppArmor({ shim, log, enabled: host.apparmor, profile: config.apparmorProfile }),
  };
  hosting.daemon = daemon;
  const { runRoot } = config;
  const nri = await serveNri({
    nri: daemon.hooks,
    config: config.nri,
    shim,
    runRoot,
    release: packageJson.version,
    log,
  });
  const server = await serve({
    listen: config.listen,
    maxMessageBytes: config.grpcMaxMessageBytes,
    implementations: criServices(daemon),
    log,
  });
  const STATUS = `serving CRI on ${config.listen}`;
  log.info(STATUS, { release: packageJson.version, streaming: baseUrl });
  const notify = createNotify(process.env['NOTIFY_SOCKET'], log);
  notify({ READY: 1, STATUS });
  keepWatchdog(notify, { environment: process.env, pid: process.pid });

  process.on('SIGHUP', async () => {
    notify({ RELOADING: 1, MONOTONIC_USEC: process.hrtime.bigint() / 1000n });
    await reload(sources, pulling.reload, log);
    notify({ READY: 1, STATUS });
  });
  const signal = await terminated();
  log.info('stopping; containers go on running', { signal });
  notify({ STOPPING: 1, STATUS: 'answering the last calls' });
  daemon.events.close();
  await server.close(CLOSE_GRACE_MS);
  await nri.close();
  await streaming.close();
  await shim.close();
  process.exit(0);
};

const openContext = (
  config: Config,
  shim: Shim,
  log: Log,
  hosting: { readonly daemon?: Daemon },
): PodContext & Pick<Daemon, 'hooks'> => {
  const roots: Roots = { root: config.root, runRoot: config.runRoot };
  const containers = openContainers(containerRecords(roots));
  const pods = openPods(podRecords(roots));
  const orders = nriOrders(() => {
    if (hosting.daemon !== undefined) return hosting.daemon;
    throw new Fail('Unavailable', 'berthd has not started yet');
  });
  const context: PodContext & Pick<Daemon, 'hooks'> = {
    roots,
    shim,
    containers,
    exits: createExits(containers, log),
    queues: createQueues(),
    log,
    pods,
    hooks: new Nri({ pods, containers, roots, log, config: config.nri, appliance: orders }),
    network: createNetwork({
      cni: config.cni,
      stateDir: networkState(roots),
      runPlugin: (run, signal) => shim.call('run', run, signal),
      warn: log.warn,
    }),
  };
  shim.on('exit', ({ id, startedAtNs, ...exit }) => {
    context.exits.record(id, exit, startedAtNs == null ? null : BigInt(startedAtNs));
    notePauseEnd(context, id);
  });
  return context;
};

/** Two daemons with the same records would each undo what the other makes. Held until the process ends. */
const takeRecords = (runRoot: string): void => {
  mkdirSync(runRoot, { recursive: true, mode: 0o711 });
  if (lockFile(join(runRoot, 'berthd.lock')) !== undefined) return;
  throw new Fail('FailedPrecondition', `another berthd serves ${runRoot}`, {
    hint: 'stop it first, or give this one folders of its own in [crio.berth]',
  });
};

const settleAgain = async (context: PodContext): Promise<void> => {
  try {
    await settleWithShim(context);
  } catch (error) {
    context.log.error('cannot compare the records with the shim; the next connection tries again', { error });
  }
};

/** Pulls with the registries and the policy of the latest configuration that could be read. */
const reloadablePull = (create: (config: Config) => PullImage, config: Config) => {
  let settings = config;
  let current = create(config);
  return {
    pull: ((options) => current(options)) satisfies PullImage,
    reload: (changed: Config) => {
      settings = changed;
      current = create(changed);
    },
    settings: (): Pick<Config, 'registries' | 'policy'> => ({
      registries: settings.registries,
      policy: settings.policy,
    }),
  };
};

/** SIGHUP: registries.conf, policy.json and what else pulling needs. The rest takes a restart. */
const reload = async (sources: ConfigSources, take: (config: Config) => void, log: Log): Promise<void> => {
  try {
    take(await loadConfig(sources));
    log.info('read the registries and the policy again');
  } catch (error) {
    log.error('the configuration is not usable; going on with the one before', { error });
  }
};

const terminated = (): Promise<NodeJS.Signals> =>
  new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
  });

try {
  await main();
} catch (error) {
  createLog({ level: 'error', write: (line) => process.stderr.write(line), journal: underJournal }).error(
    'berthd cannot serve',
    { error },
  );
  process.exit(1);
}
