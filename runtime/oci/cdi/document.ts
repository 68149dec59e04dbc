import { Fail } from '../../core/fail.ts';
import { HOOK_NAMES } from '../../spec/oci/runtime.ts';

/**
 * A file of the Container Device Interface: what a container needs to use certain devices.
 * Source: the CDI specification, SPEC.md, version 1.0 and before.
 */
export interface CdiDocument {
  readonly path: string;
  /** `vendor.example/class`. */
  readonly kind: string;
  readonly devices: readonly { readonly name: string; readonly edits: CdiEdits }[];
  /** For each container that has one of the devices. */
  readonly edits: CdiEdits;
}

/** Changes of a container's configuration. */
export interface CdiEdits {
  /** `NAME=value` */
  readonly env: readonly string[];
  readonly deviceNodes: readonly CdiDeviceNode[];
  readonly mounts: readonly CdiMount[];
  readonly hooks: readonly CdiHook[];
  readonly additionalGids: readonly number[];
}

export interface CdiDeviceNode {
  readonly path: string;
  readonly hostPath: string;
  /** What is not given here is as the host's node has it. */
  readonly type: 'b' | 'c' | 'p' | undefined;
  readonly major: number | undefined;
  readonly minor: number | undefined;
  readonly fileMode: number | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly permissions: string;
}

export interface CdiMount {
  readonly hostPath: string;
  readonly containerPath: string;
  readonly type: string | undefined;
  readonly options: readonly string[];
}

export interface CdiHook {
  readonly hookName: HookName;
  readonly path: string;
  readonly args: readonly string[];
  readonly env: readonly string[];
  /** Seconds. */
  readonly timeout: number | undefined;
}

export type HookName = (typeof HOOK_NAMES)[number];

export const NO_EDITS: CdiEdits = { env: [], deviceNodes: [], mounts: [], hooks: [], additionalGids: [] };

/** What the specification has and no OCI runtime that berth knows does. */
const NOT_SUPPORTED: ReadonlySet<string> = new Set(['intelRdt', 'netDevices']);

/** `vendor.example/class=device`. */
const KIND = /^[A-Za-z][A-Za-z0-9_.-]*[A-Za-z0-9]\/[A-Za-z](?:[A-Za-z0-9_-]*[A-Za-z0-9])?$/;
const DEVICE = /^[A-Za-z0-9](?:[A-Za-z0-9_.:-]*[A-Za-z0-9])?$/;

/** Kind and name of a device. Fails `InvalidArgument` for what is no name of one. */
export const parseDeviceName = (name: string): { readonly kind: string; readonly device: string } => {
  const [kind = '', device = '', ...rest] = name.split('=');
  if (KIND.test(kind) && DEVICE.test(device) && rest.length === 0) return { kind, device };
  throw new Fail(
    'InvalidArgument',
    `CDI device ${JSON.stringify(name.slice(0, 256))} is not a device's name`,
    {
      hint: 'write vendor.example/class=device',
    },
  );
};

/** Fails `FailedPrecondition` naming the file and the field that is not as the specification says. */
export const parseDocument = (path: string, value: unknown): CdiDocument => {
  const read = readerOf(path);
  const table = read.object('the document', value);
  const version = read.string('cdiVersion', table['cdiVersion']);
  if (!/^(0\.[3-9]|1\.[01])\.\d+$/.test(version)) throw read.wrong('cdiVersion', `${version} is not known`);
  const kind = read.string('kind', table['kind']);
  if (!KIND.test(kind)) throw read.wrong('kind', `${kind} is not vendor/class`);
  const devices = read.list('devices', table['devices']).map((each, index) => {
    const where = `devices[${index}]`;
    const device = read.object(where, each);
    const name = read.string(`${where}.name`, device['name']);
    if (!DEVICE.test(name)) throw read.wrong(`${where}.name`, `${name} is not a name`);
    return { name, edits: parseEdits(read, `${where}.containerEdits`, device['containerEdits']) };
  });
  return { path, kind, devices, edits: parseEdits(read, 'containerEdits', table['containerEdits']) };
};

type Read = ReturnType<typeof readerOf>;

const parseEdits = (read: Read, where: string, value: unknown): CdiEdits => {
  if (value === undefined || value === null) return NO_EDITS;
  const edits = read.object(where, value);
  for (const field of Object.keys(edits))
    if (NOT_SUPPORTED.has(field)) throw read.wrong(`${where}.${field}`, 'is not supported');
  const items = (field: string) =>
    read
      .list(`${where}.${field}`, edits[field] ?? [])
      .map((each, index) => [`${where}.${field}[${index}]`, each] as const);
  return {
    env: items('env').map(([at, each]) => read.assignment(at, each)),
    deviceNodes: items('deviceNodes').map(([at, each]) => parseNode(read, at, each)),
    mounts: items('mounts').map(([at, each]) => parseMount(read, at, each)),
    hooks: items('hooks').map(([at, each]) => parseHook(read, at, each)),
    additionalGids: items('additionalGids').map(([at, each]) => read.number(at, each)),
  };
};

const parseNode = (read: Read, where: string, value: unknown): CdiDeviceNode => {
  const node = read.object(where, value);
  const number = (field: string) => read.optional(read.number, `${where}.${field}`, node[field]);
  const path = read.absolute(`${where}.path`, node['path']);
  const type = read.optional(read.string, `${where}.type`, node['type']);
  const known = (['b', 'c', 'p'] as const).find((each) => each === type || (each === 'c' && type === 'u'));
  if (type !== undefined && type !== '' && known === undefined)
    throw read.wrong(`${where}.type`, `${type} is not b, c or p`);
  const permissions = read.optional(read.string, `${where}.permissions`, node['permissions']) || 'rwm';
  if (!/^[rwm]{1,3}$/.test(permissions)) throw read.wrong(`${where}.permissions`, 'is not of r, w, m');
  return {
    path,
    hostPath: read.optional(read.absolute, `${where}.hostPath`, node['hostPath'] || undefined) ?? path,
    type: known,
    major: number('major'),
    minor: number('minor'),
    fileMode: number('fileMode'),
    uid: number('uid'),
    gid: number('gid'),
    permissions,
  };
};

const parseMount = (read: Read, where: string, value: unknown): CdiMount => {
  const mount = read.object(where, value);
  return {
    hostPath: read.string(`${where}.hostPath`, mount['hostPath']),
    containerPath: read.absolute(`${where}.containerPath`, mount['containerPath']),
    type: read.optional(read.string, `${where}.type`, mount['type'] || undefined),
    options: read.strings(`${where}.options`, mount['options']),
  };
};

const parseHook = (read: Read, where: string, value: unknown): CdiHook => {
  const hook = read.object(where, value);
  const hookName = HOOK_NAMES.find((name) => name === hook['hookName']);
  if (hookName === undefined)
    throw read.wrong(`${where}.hookName`, `${String(hook['hookName'])} is none of ${HOOK_NAMES.join(', ')}`);
  return {
    hookName,
    path: read.absolute(`${where}.path`, hook['path']),
    args: read.strings(`${where}.args`, hook['args']),
    env: read.strings(`${where}.env`, hook['env']),
    timeout: read.optional(read.number, `${where}.timeout`, hook['timeout']),
  };
};

/** Readers of fields, whose failures name the file. */
const readerOf = (path: string) => {
  const wrong = (where: string, what: string): Fail =>
    new Fail('FailedPrecondition', `${path}: ${where} ${what}`, {
      hint: 'whoever wrote the file has to mend it: it is not as the CDI specification says',
    });
  const string = (where: string, value: unknown): string => {
    if (typeof value === 'string' && !value.includes('\0')) return value;
    throw wrong(where, 'is not text');
  };
  const list = (where: string, value: unknown): readonly unknown[] => {
    if (Array.isArray(value)) return value;
    throw wrong(where, 'is not a list');
  };
  return {
    wrong,
    string,
    list,
    object: (where: string, value: unknown): Readonly<Record<string, unknown>> => {
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
      throw wrong(where, 'is not a table');
    },
    number: (where: string, value: unknown): number => {
      if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 32) return value;
      throw wrong(where, 'is not a whole number');
    },
    absolute: (where: string, value: unknown): string => {
      const text = string(where, value);
      if (text.startsWith('/')) return text;
      throw wrong(where, 'is not an absolute path');
    },
    assignment: (where: string, value: unknown): string => {
      const text = string(where, value);
      if (text.indexOf('=') > 0) return text;
      throw wrong(where, 'is not NAME=value');
    },
    strings: (where: string, value: unknown): readonly string[] =>
      value === undefined || value === null
        ? []
        : list(where, value).map((each, index) => string(`${where}[${index}]`, each)),
    optional: <T>(
      read: (where: string, value: unknown) => T,
      where: string,
      value: unknown,
    ): T | undefined => (value === undefined || value === null ? undefined : read(where, value)),
  };
};
