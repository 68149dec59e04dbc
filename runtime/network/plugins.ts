import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { Fail } from '../core/fail.ts';
import type { RunPlugin } from './pod-network.ts';

export type CniCommand = 'ADD' | 'CHECK' | 'DEL' | 'GC' | 'STATUS';

export interface Invocation {
  readonly command: CniCommand;
  readonly network: string;
  /** The plugin's `type`. */
  readonly type: string;
  /** CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME, CNI_ARGS as far as the command has them. */
  readonly env: Readonly<Record<string, string>>;
  readonly config: Readonly<Record<string, unknown>>;
}

export interface Plugins {
  /** Runs the plugin to its end; its standard output, parsed; undefined when it printed nothing. */
  run(invocation: Invocation): Promise<unknown>;
  /** Types of these that are in none of the folders. */
  missing(types: readonly string[]): readonly string[];
}

/** A plugin that takes longer is stuck; the kubelet gives a whole pod four minutes. */
const TIMEOUT_MS = 60_000;

/** Plugins call ip, iptables and nft. */
const FALLBACK_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export const createPlugins = (folders: readonly string[], runPlugin: RunPlugin): Plugins => ({
  run: async (invocation) => {
    const path = findPlugin(folders, invocation.type);
    if (path === undefined) throw notFound(folders, invocation);
    const outcome = await runPlugin(
      {
        argv: [path],
        env: {
          PATH: process.env['PATH'] ?? FALLBACK_PATH,
          ...invocation.env,
          CNI_COMMAND: invocation.command,
          CNI_PATH: folders.join(':'),
        },
        stdin: JSON.stringify(invocation.config),
        timeoutMs: TIMEOUT_MS,
      },
      // A plugin is never left half-way: the deadline ends it, the caller's signal is looked at between two.
      AbortSignal.timeout(2 * TIMEOUT_MS),
    );
    if (outcome.timedOut) throw tookTooLong(invocation);
    if (outcome.exitCode !== 0)
      throw pluginFailure(invocation, outcome.stdout, outcome.stderr, outcome.exitCode);
    return parseOutput(invocation, outcome.stdout);
  },
  missing: (types) => types.filter((type) => findPlugin(folders, type) === undefined),
});

/** Looked up each time, as the plugin may have been installed a moment ago. */
const findPlugin = (folders: readonly string[], type: string): string | undefined =>
  folders.map((folder) => join(folder, type)).find(isExecutable);

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

const notFound = (folders: readonly string[], { network, type }: Invocation): Fail =>
  new Fail('FailedPrecondition', `network ${network}: plugin ${type} is in none of ${folders.join(', ')}`, {
    hint: `install the plugin (containernetworking-plugins), or name its folder in [crio.network] plugin_dirs`,
    context: { network, plugin: type },
  });

const tookTooLong = ({ network, type, command }: Invocation): Fail =>
  new Fail(
    'DeadlineExceeded',
    `network ${network}: plugin ${type} did not end ${command} within ${TIMEOUT_MS / 1000} s`,
    {
      context: { network, plugin: type, command },
    },
  );

/** The plugin's error object (CNI specification, section 5, "Error"), else whatever it printed. */
const pluginFailure = (
  { network, type, command }: Invocation,
  stdout: string,
  stderr: string,
  exitCode: number | null,
): Fail => {
  const { code, msg, details } = errorObject(stdout);
  const text = [msg ?? `exit code ${exitCode}: ${tail(stderr || stdout)}`, details]
    .filter(Boolean)
    .join(': ');
  return new Fail('Unavailable', `network ${network}: plugin ${type}: ${command}: ${text}`, {
    ...(code === 11 ? { hint: 'the plugin asks to try again later' } : {}),
    context: { network, plugin: type, command, code, stderr: tail(stderr) },
  });
};

/** The code of the plugin's error object, when that is what `error` came from. */
export const pluginCode = (error: unknown): number | undefined => {
  const code = error instanceof Fail ? error.context['code'] : undefined;
  return typeof code === 'number' ? code : undefined;
};

const errorObject = (
  stdout: string,
): {
  readonly code: number | undefined;
  readonly msg: string | undefined;
  readonly details: string | undefined;
} => {
  const value = tryParse(stdout);
  const field = (name: string): unknown =>
    typeof value === 'object' && value !== null && name in value ? Reflect.get(value, name) : undefined;
  const [code, msg, details] = [field('code'), field('msg'), field('details')];
  return {
    code: typeof code === 'number' ? code : undefined,
    msg: typeof msg === 'string' && msg !== '' ? msg : undefined,
    details: typeof details === 'string' && details !== '' ? details : undefined,
  };
};

const tryParse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const parseOutput = (invocation: Invocation, stdout: string): unknown => {
  if (stdout.trim() === '') return undefined;
  const value = tryParse(stdout);
  if (value !== undefined) return value;
  throw malformedResult(invocation, stdout);
};

export const malformedResult = (
  { network, type, command }: Omit<Invocation, 'env' | 'config'>,
  output: unknown,
): Fail =>
  new Fail('Unavailable', `network ${network}: plugin ${type}: ${command} printed no CNI result`, {
    hint: 'the plugin is broken, or too old for the cniVersion of the network',
    context: {
      network,
      plugin: type,
      command,
      output: tail(typeof output === 'string' ? output : (JSON.stringify(output) ?? '')),
    },
  });

const tail = (text: string): string => text.trim().slice(-2000);
