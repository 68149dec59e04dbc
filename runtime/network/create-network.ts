import { statfsSync } from 'node:fs';
import type { Config } from '../config/config.ts';
import { Fail } from '../core/fail.ts';
import type { CniResult } from '../spec/cni/cni.ts';
import { cniArgs, INTERFACE, pluginsFor, runtimeConfig, unmetRequests } from './arguments.ts';
import { type Attachment, createAttachments } from './attachments.ts';
import {
  type ConfigFolder,
  type ConfigList,
  type PluginConfig,
  versionAtLeast,
  watchConfigFolder,
} from './config-lists.ts';
import { type CniCommand, createPlugins, malformedResult, type Plugins, pluginCode } from './plugins.ts';
import type { Network, NetworkStatus, RunPlugin } from './pod-network.ts';
import { parseResult } from './result.ts';

export interface NetworkOptions {
  readonly cni: Config['cni'];
  /** Folder for records, on tmpfs; made when missing. */
  readonly stateDir: string;
  readonly runPlugin: RunPlugin;
  /** Told of what a pod asked for and no plugin takes: another agent on the node may serve it, so it is no error. */
  readonly warn: (message: string) => void;
}

/** How long an answer of the plugins' STATUS holds: the kubelet asks every few seconds, and each costs a process. */
const STATUS_TTL_MS = 10_000;

/** The pod networks of this node, as the CNI configuration in `cni.networkDir` describes them. */
export const createNetwork = ({ cni, stateDir, runPlugin, warn }: NetworkOptions): Network => {
  const folder = watchConfigFolder(cni.networkDir);
  const plugins = createPlugins(cni.pluginDirs, runPlugin);
  const attachments = createAttachments(stateDir);
  const askStatus = rememberStatus(plugins);

  return {
    status: async () => {
      try {
        const list = defaultList(await folder(), cni);
        return lacking(list, plugins) ?? (await askStatus(list));
      } catch (error) {
        return notReady(error instanceof Error ? error.message : String(error));
      }
    },

    add: async (pod, signal) => {
      const list = defaultList(await folder(), cni);
      for (const unmet of unmetRequests(list.plugins, pod)) {
        warn(`pod ${pod.namespace}/${pod.name}: no plugin of network ${list.name} takes its ${unmet}`);
      }
      const attachment: Attachment = { version: 1, pod, list };
      cniArgs(pod);
      attachments.write(attachment);
      try {
        const result = await addAll(attachment, plugins, signal);
        attachments.write({ ...attachment, result });
        return result;
      } catch (error) {
        await undoAdd(attachment, plugins, error);
        attachments.remove(pod.id);
        throw error;
      }
    },

    check: async (pod, signal) => {
      const attachment = attachments.read(pod.id);
      if (attachment?.result === undefined) {
        throw new Fail('FailedPrecondition', `pod ${pod.namespace}/${pod.name} is in no network`);
      }
      const { list } = attachment;
      if (list.disableCheck || !versionAtLeast(list.cniVersion, '0.4.0')) return;
      for (const plugin of pluginsFor(list.plugins, attachment.pod)) {
        if (signal.aborted) throw cancelled();
        await plugins.run(invocation('CHECK', attachment, plugin, attachment.result, attachment.pod.netns));
      }
    },

    del: async ({ id }, signal) => {
      const attachment = attachments.read(id);
      if (attachment === undefined) return;
      await delAll(attachment, plugins, signal);
      attachments.remove(id);
    },

    result: async (podId) => attachments.read(podId)?.result,
    recorded: async () => attachments.podIds(),

    gc: async (podIds, signal) => {
      const list = chosenList(await folder(), cni);
      if (list === undefined || list.disableGc || !versionAtLeast(list.cniVersion, '1.1.0')) return;
      const valid = podIds.map((containerID) => ({ containerID, ifname: INTERFACE }));
      const failures: unknown[] = [];
      for (const plugin of list.plugins) {
        if (signal.aborted) throw cancelled();
        await plugins
          .run({
            command: 'GC',
            network: list.name,
            type: plugin.type,
            env: {},
            config: {
              ...baseConfig(list, plugin),
              'cni.dev/valid-attachments': valid,
              'cni.dev/attachments': valid,
            },
          })
          .catch((error: unknown) => {
            if (pluginCode(error) !== UNKNOWN_COMMAND) failures.push(error);
          });
      }
      throwFirst(failures);
    },
  };
};

/** The configured default network, else the first that gives a pod more than `lo`. Fails `FailedPrecondition`. */
const defaultList = (folder: ConfigFolder, cni: Config['cni']): ConfigList => {
  const chosen = chosenList(folder, cni);
  if (chosen !== undefined) return chosen;
  const { problems } = folder;
  const wanted = cni.defaultNetwork === undefined ? 'no network' : `no network ${cni.defaultNetwork}`;
  throw new Fail('FailedPrecondition', [`${wanted} in ${cni.networkDir}`, ...problems].join('; '), {
    hint: `put a CNI configuration such as 10-mynet.conflist into ${cni.networkDir}`,
  });
};

const chosenList = ({ lists }: ConfigFolder, { defaultNetwork }: Config['cni']): ConfigList | undefined =>
  defaultNetwork === undefined
    ? lists.find(({ plugins }) => plugins.some(({ type }) => type !== 'loopback'))
    : lists.find(({ name }) => name === defaultNetwork);

const READY: NetworkStatus = { ready: true, reason: '', message: '' };
const notReady = (message: string): NetworkStatus => ({
  ready: false,
  reason: 'NetworkPluginNotReady',
  message,
});

const lacking = (list: ConfigList, plugins: Plugins): NetworkStatus | undefined => {
  const missing = plugins.missing(list.plugins.map(({ type }) => type));
  return missing.length === 0
    ? undefined
    : notReady(`network ${list.name}: plugins not installed: ${missing.join(', ')}`);
};

/** Asks the plugins' STATUS (CNI 1.1), seldom. A list read anew is another list, and is asked at once. */
const rememberStatus = (plugins: Plugins): ((list: ConfigList) => Promise<NetworkStatus>) => {
  let last: { readonly list: ConfigList; readonly at: number; readonly status: NetworkStatus } | undefined;
  return async (list) => {
    if (!versionAtLeast(list.cniVersion, '1.1.0')) return READY;
    if (last?.list === list && performance.now() - last.at < STATUS_TTL_MS) return last.status;
    const status = await askPlugins(list, plugins);
    last = { list, at: performance.now(), status };
    return status;
  };
};

/** A plugin that offers CNI 1.1 and does not know the verb says "invalid environment variable". */
const UNKNOWN_COMMAND = 4;

const askPlugins = async (list: ConfigList, plugins: Plugins): Promise<NetworkStatus> => {
  for (const plugin of list.plugins) {
    try {
      const config = baseConfig(list, plugin);
      await plugins.run({ command: 'STATUS', network: list.name, type: plugin.type, env: {}, config });
    } catch (error) {
      if (pluginCode(error) === UNKNOWN_COMMAND) continue;
      return notReady(messageOf(error));
    }
  }
  return READY;
};

const baseConfig = (list: ConfigList, plugin: PluginConfig): Record<string, unknown> => {
  const { capabilities: _, ...config } = plugin;
  return { ...config, name: list.name, cniVersion: list.cniVersion };
};

const invocation = (
  command: CniCommand,
  { pod, list }: Attachment,
  plugin: PluginConfig,
  prevResult: CniResult | undefined,
  netns: string,
) => {
  const runtime = runtimeConfig(plugin, pod);
  return {
    command,
    network: list.name,
    type: plugin.type,
    env: { CNI_CONTAINERID: pod.id, CNI_NETNS: netns, CNI_IFNAME: INTERFACE, CNI_ARGS: cniArgs(pod) },
    config: {
      ...baseConfig(list, plugin),
      ...(runtime === undefined ? {} : { runtimeConfig: runtime }),
      ...(prevResult === undefined ? {} : { prevResult }),
    },
  };
};

/** Each plugin gets the result of the one before; the last one's is the network's. */
const addAll = async (attachment: Attachment, plugins: Plugins, signal: AbortSignal): Promise<CniResult> => {
  let result: CniResult | undefined;
  for (const plugin of pluginsFor(attachment.list.plugins, attachment.pod)) {
    if (signal.aborted) throw cancelled();
    const call = invocation('ADD', attachment, plugin, result, attachment.pod.netns);
    const output = await plugins.run(call);
    result = parseResult(output);
    if (result === undefined) throw malformedResult(call, output);
  }
  if (result === undefined) throw new Fail('Internal', `network ${attachment.list.name} has no plugins`);
  if (signal.aborted) throw cancelled();
  return result;
};

const cancelled = (): Fail => new Fail('Cancelled', 'the caller gave up before the pod was in its network');

/** DEL of every plugin: one that was not asked to ADD yet has nothing, which DEL does not mind. */
const undoAdd = async (attachment: Attachment, plugins: Plugins, why: unknown): Promise<void> => {
  try {
    await delAll(attachment, plugins, AbortSignal.timeout(120_000));
  } catch (error) {
    // The record stays, so that `del` can try again; the caller learns of both.
    throw new Fail(
      'Unavailable',
      `${messageOf(why)}; and what was added could not be undone: ${messageOf(error)}`,
      {
        cause: why,
      },
    );
  }
};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** In reverse, each plugin once, though one may fail: it must not keep the others' addresses and ports taken. */
const delAll = async (attachment: Attachment, plugins: Plugins, signal: AbortSignal): Promise<void> => {
  const netns = isNamespace(attachment.pod.netns) ? attachment.pod.netns : '';
  const prevResult = versionAtLeast(attachment.list.cniVersion, '0.4.0') ? attachment.result : undefined;
  const failures: unknown[] = [];
  for (const plugin of pluginsFor(attachment.list.plugins, attachment.pod).toReversed()) {
    if (signal.aborted) throw cancelled();
    await plugins
      .run(invocation('DEL', attachment, plugin, prevResult, netns))
      .catch((error: unknown) => failures.push(error));
  }
  throwFirst(failures);
};

/** The first failure, naming the others. */
const throwFirst = (failures: readonly unknown[]): void => {
  const [first, ...others] = failures;
  if (first === undefined) return;
  if (others.length === 0) throw first;
  throw new Fail('Unavailable', failures.map(messageOf).join('; '), { cause: first });
};

const NSFS_MAGIC = 0x6e73_6673;

/** After unpinning, the path is gone or an ordinary file, and DEL is asked to do without the namespace. */
const isNamespace = (path: string): boolean => {
  try {
    return statfsSync(path).type === NSFS_MAGIC;
  } catch {
    return false;
  }
};
