import type { Resource } from '../resources/resource.ts';
import { pluginDirsOn } from './cni-plugins.ts';
import { type Given, rendered } from './concern.ts';
import { crioPrograms } from './engine-crio.ts';
import { daemonOf } from './engines.ts';
import { handlersOf } from './handlers.ts';
import { loginsFileOf } from './registry-logins.ts';

/** After the drop-ins that packages of CRI-O bring, 10-crio.conf and 10-crun.conf: what the profile says holds. */
export const engineConfigFile = '/etc/crio/crio.conf.d/20-berth.conf';

/** What either engine reads. What only one of them understands is there for that one alone. */
export function engineConfig({ spec, facts, render }: Given): Resource {
  const programs = spec.engine.name === 'cri-o' ? crioPrograms(spec.engine, facts) : undefined;
  const handlers = handlersOf(spec, facts);
  return rendered(
    render,
    engineConfigFile,
    {
      defaultRuntime: handlers[0]?.name ?? 'runc',
      handlers,
      pinns: programs === undefined ? '' : `${programs}/pinns`,
      defaultNetwork: spec.cni.networks[0]?.name ?? '',
      pluginDirs: pluginDirsOn(spec, facts),
      globalAuthFile: loginsFileOf(spec.registries.auth),
    },
    { readBy: [daemonOf(spec)] },
  );
}
