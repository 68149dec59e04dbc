import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { until } from '../../harness/busybox-node.ts';
import { buildGoProgram } from '../../harness/go-program.ts';
import type { TestNode } from '../../harness/node.ts';

/** What nri-plugin/main.go is to do: see there. */
export interface Orders {
  readonly adjust?: Readonly<Record<string, unknown>>;
  readonly update?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly fail?: Readonly<Record<string, string>>;
  readonly hang?: Readonly<Record<string, number>>;
  readonly reject?: string;
  readonly unasked?: Readonly<Record<string, unknown>>;
}

export interface ShownContainer {
  readonly id: string;
  readonly args?: readonly string[];
  readonly env?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly state?: string;
  readonly exitCode?: number;
}

/** A line of what happened to a plugin; pods and containers in protobuf's JSON form. */
export interface Happened {
  readonly event: string;
  readonly pod?: {
    readonly id: string;
    readonly name: string;
    readonly ips?: readonly string[];
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly container?: ShownContainer;
  readonly containers?: readonly ShownContainer[];
  readonly [more: string]: unknown;
}

export interface TestPlugin {
  readonly events: () => readonly Happened[];
  /** The events alone, without the plugin's own start. */
  readonly names: () => readonly string[];
  readonly child: ChildProcess;
}

/** The program that plugins of these tests are: NRI's own library with orders. */
export const pluginProgram = (): Promise<string> => buildGoProgram(join(import.meta.dirname, 'nri-plugin'));

export const eventsIn = (file: string): readonly Happened[] =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line))
    : [];

/** Connects a plugin to the node, and waits until it takes part. It ends with the test. */
export const startPlugin = async (
  t: TestContext,
  node: TestNode,
  {
    index = '10',
    name = 'test',
    ...orders
  }: Orders & { readonly index?: string; readonly name?: string } = {},
): Promise<TestPlugin> => {
  const events = join(node.folder, `events-${index}-${name}`);
  const file = join(node.folder, `orders-${index}-${name}.json`);
  writeFileSync(file, JSON.stringify({ ...orders, events }));
  const socket = join(node.folder, 'nri.sock');
  const child = spawn(
    await pluginProgram(),
    ['-socket', socket, '-name', name, '-idx', index, '-orders', file],
    { stdio: 'ignore' },
  );
  t.after(() => void child.kill('SIGKILL'));
  const joined = `an NRI plugin takes part plugin=${index}-${name}`;
  await until(`plugin ${index}-${name} takes part`, () => node.daemon.log().includes(joined));
  return {
    child,
    events: () => eventsIn(events),
    names: () =>
      eventsIn(events)
        .map(({ event }) => event)
        .filter((event) => !['Configure', 'Synchronize', 'Resources'].includes(event)),
  };
};
