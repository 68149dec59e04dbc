import type { Facts } from '../host/facts/probe.ts';
import type { OciRuntime, Spec } from '../profile/profile.ts';
import { monitorPath } from './engine-crio.ts';
import { placesOn } from './places.ts';

/** A runtime handler as crio.conf has it: crio.conf(5), table crio.runtime.runtimes. Empty texts are left out. */
export interface Handler {
  readonly name: string;
  /** Empty: the program of this name, where the distribution put it. */
  readonly path: string;
  /** `vm`: a shim v2 that makes a machine of each pod. */
  readonly type: 'oci' | 'vm';
  readonly root: string;
  readonly configPath: string;
  readonly privilegedWithoutHostDevices: boolean;
  /** Of CRI-O alone: its program beside each container. */
  readonly monitor: string;
  /** Of berth alone: words before the verb. */
  readonly args: readonly string[];
}

/** Kata's releases are a tree of their own. */
const kataTree = '/opt/kata';

export const handlersOf = (spec: Spec, facts: Facts): Handler[] =>
  spec.ociRuntimes.map((runtime) => ({
    name: runtime.name,
    path: programPath(runtime, facts),
    type: runtime.name === 'kata' ? 'vm' : 'oci',
    root: runtime.name === 'kata' ? '/run/vc' : '',
    configPath: runtime.name === 'kata' ? kataConfig(runtime) : '',
    privilegedWithoutHostDevices: runtime.name === 'kata',
    monitor:
      spec.engine.name === 'cri-o' && runtime.name !== 'kata' ? (monitorPath(spec.engine, facts) ?? '') : '',
    args: runtime.args,
  }));

/** Where its program lies, for those whose place is known. */
export function programPath({ name, source }: Pick<OciRuntime, 'name' | 'source'>, facts: Facts): string {
  if (name === 'kata')
    return source === 'package'
      ? '/usr/bin/containerd-shim-kata-v2'
      : `${kataTree}/bin/containerd-shim-kata-v2`;
  return source === 'package' ? '' : `${placesOn(facts).programs}/${name}`;
}

const kataConfig = ({ source }: OciRuntime): string =>
  `${source === 'package' ? '/usr' : kataTree}/share/defaults/kata-containers/configuration.toml`;
