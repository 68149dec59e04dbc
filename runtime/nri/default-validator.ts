import type { Config } from '../config/config.ts';
import { Fail } from '../core/fail.ts';
import {
  Field,
  type PodSandbox,
  SecurityProfile_ProfileType as ProfileType,
} from '../spec/ttrpc/nri/api_pb.js';
import type { Decided, Judge } from './ask-creation.ts';

type Settings = NonNullable<Config['nri']['validator']>;

/** A pod's own wish for plugins that must have had their say. */
const REQUIRED = 'required-plugins.noderesource.dev';

/**
 * The validator that NRI comes with, for what no plugin shall adjust, and for plugins without which no container is made.
 * Source: plugins/default-validator of github.com/containerd/nri.
 */
export const defaultValidator =
  (settings: Settings): Judge =>
  async (decided) => {
    rejectHooks(settings, decided);
    rejectSeccomp(settings, decided);
    rejectEntries(settings.rejectNamespaces, decided, Field.Namespace, 'namespaces');
    rejectEntries(settings.rejectSysctls, decided, Field.Sysctl, 'sysctls');
    await requirePlugins(settings, decided);
  };

const rejected = (plugins: string, what: string): Fail =>
  new Fail('FailedPrecondition', `no NRI plugin may adjust ${what} here, and ${plugins} does`, {
    hint: 'see [crio.nri.default_validator] of crio.conf',
  });

const rejectHooks = ({ rejectHooks: strict }: Settings, { container, owners }: Decided): void => {
  const owner = owners.of(container.id, Field.OciHooks);
  if (strict && owner !== undefined) throw rejected(owner, 'OCI hooks');
};

const rejectSeccomp = (settings: Settings, { container, owners }: Decided): void => {
  const owner = owners.of(container.id, Field.SeccompPolicy);
  if (owner === undefined) return;
  switch (container.linux?.seccompProfile?.profileType ?? ProfileType.UNCONFINED) {
    case ProfileType.RUNTIME_DEFAULT:
      if (settings.rejectRuntimeDefaultSeccomp) throw rejected(owner, 'the default seccomp policy');
      return;
    case ProfileType.LOCALHOST:
      if (settings.rejectCustomSeccomp) throw rejected(owner, 'a seccomp policy of the node');
      return;
    default:
      if (settings.rejectUnconfinedSeccomp) throw rejected(owner, 'the seccomp policy of the unconfined');
  }
};

const rejectEntries = (strict: boolean, { container, owners }: Decided, field: Field, what: string): void => {
  const plugins = [...new Set(owners.entriesOf(container.id, field).values())];
  if (strict && plugins.length > 0) throw rejected(plugins.join(', '), what);
};

const requirePlugins = async (settings: Settings, { pod, container, plugins }: Decided): Promise<void> => {
  const { tolerateMissingAnnotation: tolerated } = settings;
  if (tolerated !== undefined && /^(1|t|true)$/i.test(annotationOf(pod, tolerated, container.name) ?? ''))
    return;
  const own = await listed(annotationOf(pod, REQUIRED, container.name));
  const present = new Set(plugins.flatMap(({ name, base }) => [name, base]));
  const missing = [...settings.requiredPlugins, ...own].filter((name) => !present.has(name));
  if (missing.length === 0) return;
  throw new Fail('FailedPrecondition', `the NRI plugins ${missing.join(', ')} have to be there and are not`, {
    hint: `start them, or annotate the pod with ${tolerated ?? 'what [crio.nri.default_validator] names'}`,
  });
};

/** For the container, for the pod, or just so: the narrowest counts. */
const annotationOf = ({ annotations }: PodSandbox, key: string, container: string): string | undefined =>
  annotations[`${key}/container.${container}`] ?? annotations[`${key}/pod`] ?? annotations[key];

const listed = async (text: string | undefined): Promise<readonly string[]> => {
  if (text === undefined) return [];
  const yaml = await import('yaml');
  let names: unknown;
  try {
    names = yaml.parse(text);
  } catch (cause) {
    throw new Fail('InvalidArgument', `annotation ${REQUIRED} is no YAML`, { cause });
  }
  if (Array.isArray(names) && names.every((name) => typeof name === 'string')) return names;
  throw new Fail('InvalidArgument', `annotation ${REQUIRED} is no list of names`);
};
