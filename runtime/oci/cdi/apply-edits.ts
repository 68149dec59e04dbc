import { lstat } from 'node:fs/promises';
import { absent } from '../../core/absent.ts';
import { Fail } from '../../core/fail.ts';
import type { OciHook, OciMount, OciResources, OciSpec } from '../../spec/oci/runtime.ts';
import type { HostDevice } from '../input.ts';
import { deviceNumbers } from '../sources.ts';
import type { CdiDeviceNode, CdiEdits, CdiHook, CdiMount } from './document.ts';

/** The edits with their device nodes looked at. */
export interface ResolvedEdits extends Omit<CdiEdits, 'deviceNodes'> {
  readonly devices: readonly { readonly device: HostDevice; readonly access: string }[];
}

/** Fills in what a document leaves to the host's device nodes. Fails `NotFound` for one that is not there. */
export const resolveEdits = async ({ deviceNodes, ...others }: CdiEdits): Promise<ResolvedEdits> => ({
  ...others,
  devices: await Promise.all(deviceNodes.map(resolveNode)),
});

const resolveNode = async (node: CdiDeviceNode): Promise<ResolvedEdits['devices'][number]> => {
  const { path, type, major, minor, fileMode, uid, gid, permissions } = node;
  const known = type === 'p' || (type !== undefined && major !== undefined && minor !== undefined);
  const found = known ? undefined : await hostNode(node);
  return {
    device: {
      path,
      type: type ?? found?.type ?? 'c',
      major: major ?? found?.major ?? 0,
      minor: minor ?? found?.minor ?? 0,
      fileMode: fileMode ?? found?.fileMode ?? 0o666,
      uid: uid ?? found?.uid ?? 0,
      gid: gid ?? found?.gid ?? 0,
    },
    access: permissions,
  };
};

const hostNode = async ({ hostPath }: CdiDeviceNode): Promise<Omit<HostDevice, 'path'>> => {
  const stats = await lstat(hostPath).catch(absent);
  if (stats === undefined) throw new Fail('NotFound', `CDI: device ${hostPath} does not exist on the host`);
  const type =
    (stats.isBlockDevice() && 'b') || (stats.isCharacterDevice() && 'c') || (stats.isFIFO() && 'p');
  if (!type) throw new Fail('FailedPrecondition', `CDI: ${hostPath} is not a device`);
  const { uid, gid } = stats;
  return { type, ...deviceNumbers(stats.rdev), fileMode: stats.mode & 0o7777, uid, gid };
};

/** The configuration with the edits: variables and device nodes of the same name are replaced, all else is added. */
export const applyEdits = (spec: OciSpec, edits: ResolvedEdits): OciSpec => {
  const { process, linux } = spec;
  const gids = edits.additionalGids.filter((gid) => gid !== 0);
  return {
    ...spec,
    process: {
      ...process,
      env: withVariables(process.env, edits.env),
      user: {
        ...process.user,
        additionalGids: [...new Set([...(process.user.additionalGids ?? []), ...gids])],
      },
    },
    mounts: [...spec.mounts, ...edits.mounts.map(ociMount)],
    ...(edits.hooks.length === 0 ? {} : { hooks: withHooks(spec.hooks ?? {}, edits.hooks) }),
    linux: {
      ...linux,
      devices: [
        ...(linux.devices ?? []).filter(
          ({ path }) => !edits.devices.some(({ device }) => device.path === path),
        ),
        ...edits.devices.map(({ device }) => ({ ...device })),
      ],
      resources: {
        ...linux.resources,
        devices: [...(linux.resources?.devices ?? []), ...edits.devices.map(allowed)],
      },
    },
  };
};

const allowed = ({
  device,
  access,
}: ResolvedEdits['devices'][number]): NonNullable<OciResources['devices']>[number] => ({
  allow: true,
  type: device.type,
  major: device.major,
  minor: device.minor,
  access,
});

const withVariables = (env: readonly string[], more: readonly string[]): string[] => {
  const nameOf = (variable: string): string => variable.slice(0, variable.indexOf('='));
  const names = new Set(more.map(nameOf));
  return [...env.filter((variable) => !names.has(nameOf(variable))), ...more];
};

const ociMount = ({ hostPath, containerPath, type, options }: CdiMount): OciMount => ({
  destination: containerPath,
  type: type ?? 'bind',
  source: hostPath,
  options:
    type !== undefined || options.some((option) => option === 'bind' || option === 'rbind')
      ? [...options]
      : ['rbind', ...options],
});

const withHooks = (
  hooks: Readonly<Record<string, OciHook[]>>,
  more: readonly CdiHook[],
): Record<string, OciHook[]> => {
  const all: Record<string, OciHook[]> = { ...hooks };
  for (const { hookName, path, args, env, timeout } of more) {
    const hook = { path, args: [...args], env: [...env], ...(timeout === undefined ? {} : { timeout }) };
    all[hookName] = [...(all[hookName] ?? []), hook];
  }
  return all;
};
