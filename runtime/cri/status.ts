import type { Config } from '../config/config.ts';
import { Fail } from '../core/fail.ts';
import { PROTOCOL_VERSION } from '../shim/protocol/messages.ts';
import type { StatusRequest } from '../spec/cri/api_pb.js';
import type { Daemon } from './daemon.ts';
import type { HandlerFeatures } from './handler-features.ts';
import type { Call } from './transport.ts';

/** The shim answers in less than a millisecond; one that takes this long cannot start containers either. */
const SHIM_ANSWER_MS = 2_000;

export const status = async (daemon: Daemon, request: StatusRequest, call: Call) => {
  const [runtime, network] = await Promise.all([runtimeCondition(daemon, call), networkCondition(daemon)]);
  return {
    status: { conditions: [runtime, network] },
    info: request.verbose ? verboseInfo(daemon) : {},
    // Without a shim nobody can be asked, and nothing can be run on what they would say.
    runtimeHandlers: runtime.status ? await handlersOf(daemon) : [],
    features: { supplementalGroupsPolicy: true, userNamespacesHostNetwork: true, mountOptions: true },
  };
};

const runtimeCondition = async (daemon: Daemon, call: Call) => {
  const signal = AbortSignal.any([call.signal, AbortSignal.timeout(SHIM_ANSWER_MS)]);
  try {
    await daemon.shim.call('hello', { version: PROTOCOL_VERSION, client: 'status' }, signal);
    return { type: 'RuntimeReady', status: true, reason: '', message: '' };
  } catch (error) {
    call.signal.throwIfAborted();
    const message = `berth-shim does not answer: ${error instanceof Fail ? error.message : String(error)}`;
    return { type: 'RuntimeReady', status: false, reason: 'ShimUnavailable', message };
  }
};

const networkCondition = async ({ network }: Daemon) => {
  const { ready, reason, message } = await network.status();
  return { type: 'NetworkReady', status: ready, reason, message };
};

/** The empty name stands for the default handler. */
const handlersOf = async ({ config, handlerFeatures }: Daemon) => {
  const named = [...config.runtimes.values()];
  const preferred = named.filter(({ name }) => name === config.defaultRuntime);
  return Promise.all([
    ...preferred.map(async (handler) => ({ name: '', features: told(await handlerFeatures(handler)) })),
    ...named.map(async (handler) => ({ name: handler.name, features: told(await handlerFeatures(handler)) })),
  ]);
};

const told = ({ recursiveReadOnlyMounts, userNamespaces }: HandlerFeatures) => ({
  recursiveReadOnlyMounts,
  userNamespaces,
});

/** The configuration in force. Registry credentials are not part of it. */
const verboseInfo = ({ configInForce, release }: Daemon): Record<string, string> => ({
  release: JSON.stringify(release),
  config: JSON.stringify(configForm(configInForce())),
});

/** As plain data, for `crictl info` and `berthd config`. */
export const configForm = (config: Config): Record<string, unknown> => ({
  ...config,
  runtimes: Object.fromEntries(config.runtimes),
});
