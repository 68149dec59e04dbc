import { Fail } from '../../core/fail.ts';
import type { Methods } from '../protocol/messages.ts';

type Kind = 'string' | 'number' | 'boolean' | 'strings' | 'object' | 'string or null' | 'anything';

/** What each method needs; what else comes is left alone, since a newer daemon may say more. */
const shapes: { readonly [M in keyof Methods]: Readonly<Record<string, Kind>> } = {
  hello: { version: 'number', client: 'string' },
  subscribe: {},
  run: { argv: 'strings', timeoutMs: 'number' },
  pinUserNamespace: {
    dir: 'string',
    kinds: 'object',
    uidMappings: 'object',
    gidMappings: 'object',
  },
  create: {
    id: 'string',
    runtime: 'strings',
    bundle: 'string',
    terminal: 'boolean',
    stdin: 'boolean',
    stdinOnce: 'boolean',
    logPath: 'string or null',
    timeoutMs: 'number',
  },
  start: { id: 'string' },
  update: { id: 'string', resources: 'object' },
  kill: { id: 'string', signal: 'number' },
  delete: { id: 'string' },
  reopenLog: { id: 'string' },
  exec: { id: 'string', process: 'object', timeoutMs: 'number', outputLimitBytes: 'number' },
  endExec: { execId: 'string' },
  execSession: { id: 'string', process: 'object', stdin: 'boolean' },
  attachSession: { id: 'string', stdin: 'boolean', stdout: 'boolean', stderr: 'boolean' },
  list: {},
  pull: { pullId: 'string', request: 'anything' },
  startPlugin: { path: 'string', socket: 'string', env: 'object' },
  endPlugins: {},
  cancelPull: { pullId: 'string' },
};

export const isMethod = (name: string): name is keyof Methods => Object.hasOwn(shapes, name);

const matches: Readonly<Record<Kind, (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number' && Number.isFinite(value),
  boolean: (value) => typeof value === 'boolean',
  strings: (value) =>
    Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string'),
  object: (value) => typeof value === 'object' && value !== null,
  'string or null': (value) => value === null || typeof value === 'string',
  anything: (value) => value !== undefined,
};

/** A container's id becomes the name of a folder. */
const CONTAINER_ID = /^[0-9a-f]{64}$/;

/** The parameters of a call, checked. Throws `InvalidArgument`. */
export function parseParameters<M extends keyof Methods>(method: M, params: unknown): Methods[M]['params'] {
  const given: Readonly<Record<string, unknown>> =
    typeof params === 'object' && params !== null ? { ...params } : {};
  for (const [field, kind] of Object.entries(shapes[method])) {
    if (matches[kind](given[field])) continue;
    throw new Fail('InvalidArgument', `${method}: ${field} is not ${kind}`);
  }
  if ('id' in shapes[method] && !CONTAINER_ID.test(String(given['id']))) {
    throw new Fail('InvalidArgument', `${method}: id is not 64 hexadecimal digits`);
  }
  return given as Methods[M]['params'];
}
