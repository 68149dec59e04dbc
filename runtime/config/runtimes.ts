import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { Fail } from '../core/fail.ts';
import type { RuntimeHandler } from './config.ts';
import { absolutePath, flag, listOf, oneOf, text } from './readers.ts';
import type { Reader, Settings } from './settings.ts';

const TABLE = 'crio.runtime.runtimes';

/** Where packages put OCI runtimes besides PATH: CRI-O's own packages keep theirs in libexec. */
const USUAL_PLACES = [
  '/usr/libexec/crio',
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
];

export interface Runtimes {
  readonly defaultRuntime: string;
  readonly runtimes: ReadonlyMap<string, RuntimeHandler>;
  /** Handlers that cannot be used here, with the reason. */
  readonly unusable: readonly string[];
}

/**
 * The runtime handlers. Without any configured there are runc and crun, as far as they are installed.
 * One without its program is left out; the default one must be there (`InvalidArgument`).
 */
export const readRuntimes = async (
  settings: Settings,
  runRoot: string,
  env: NodeJS.ProcessEnv,
): Promise<Runtimes> => {
  const configured = settings.tablesBelow(TABLE);
  const names = configured.length === 0 ? ['runc', 'crun'] : configured;
  const runtimes = new Map<string, RuntimeHandler>();
  const unusable: string[] = [];
  for (const name of names) {
    const found = await readHandler(settings, name, runRoot, env);
    if (typeof found !== 'string') runtimes.set(name, found);
    else if (configured.length > 0)
      unusable.push(
        `${settings.where(`${TABLE}.${name}.runtime_path`) ?? settings.where(`${TABLE}.${name}`)}: ${found}`,
      );
  }
  const wanted = settings.take('crio.runtime.default_runtime', text) || undefined;
  const defaultRuntime = wanted ?? ['runc', 'crun', ...names].find((name) => runtimes.has(name));
  if (defaultRuntime !== undefined && runtimes.has(defaultRuntime))
    return { defaultRuntime, runtimes, unusable };
  throw noDefault(settings, wanted, names, unusable);
};

/** The handler, or why it cannot be used. */
const readHandler = async (
  settings: Settings,
  name: string,
  runRoot: string,
  env: NodeJS.ProcessEnv,
): Promise<RuntimeHandler | string> => {
  const key = (last: string): string => `${TABLE}.${name}.${last}`;
  // Handlers with a monitor per pod (`pod`) drive an ordinary OCI runtime; the monitor is berth's own.
  const type = settings.take(key('runtime_type'), oneOf('', 'oci', 'pod', 'vm'));
  const given = settings.take(key('runtime_path'), emptyOr(absolutePath));
  const root = settings.take(key('runtime_root'), emptyOr(absolutePath)) ?? join(runRoot, name);
  const args = settings.take(`crio.berth.runtimes.${name}.args`, listOf(text)) ?? [];
  const privilegedWithoutHostDevices = settings.take(key('privileged_without_host_devices'), flag) ?? false;
  const allowedAnnotations = settings.take(key('allowed_annotations'), listOf(text)) ?? [];
  const configPath = settings.take(key('runtime_config_path'), emptyOr(absolutePath));
  const program = type === 'vm' ? `containerd-shim-${name}-v2` : name;
  const places = given === undefined ? programPlaces(program, env) : [given];
  const path = await firstExecutable(places);
  if (path === undefined)
    return `runtime ${name}: ${given ?? `no program ${program} in ${places.join(', ')}`} is not there`;
  return {
    name: requireName(name),
    path,
    root,
    args,
    allowedAnnotations,
    privilegedWithoutHostDevices,
    ...(type === 'vm' ? { vm: configPath === undefined ? {} : { configPath } } : {}),
  };
};

/** CRI-O reads an empty string as "not set". */
export const emptyOr =
  <T>(read: Reader<T>): Reader<T | undefined> =>
  (value) =>
    value === '' ? undefined : read(value);

const requireName = (name: string): string => {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(name)) return name;
  throw new Fail('InvalidArgument', `${TABLE}: ${JSON.stringify(name)} is not a name for a runtime handler`);
};

const programPlaces = (name: string, env: NodeJS.ProcessEnv): readonly string[] => [
  ...new Set(
    [...(env['PATH'] ?? '').split(':').filter((folder) => folder.startsWith('/')), ...USUAL_PLACES].map(
      (folder) => join(folder, name),
    ),
  ),
];

const firstExecutable = async (paths: readonly string[]): Promise<string | undefined> => {
  for (const path of paths) {
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return undefined;
};

const noDefault = (
  settings: Settings,
  wanted: string | undefined,
  names: readonly string[],
  unusable: readonly string[],
): Fail => {
  const where = settings.where('crio.runtime.default_runtime') ?? 'crio.runtime.default_runtime';
  const reason =
    wanted !== undefined && !names.includes(wanted)
      ? `${where}: default_runtime "${wanted}" is not among the runtimes ${names.join(', ')}`
      : `no OCI runtime was found: ${unusable.join('; ') || `none of ${names.join(', ')} is installed`}`;
  return new Fail('InvalidArgument', reason, {
    hint: 'install runc, or name the program in [crio.runtime.runtimes.runc] runtime_path',
  });
};
