import { type Machine, type MachineOf, machineBook } from '../inventory/machines.ts';
import type { HostEntry } from '../profile/profile.ts';
import type { HostPlan, Plan } from '../resources/change.ts';
import type { FlowContext } from './context.ts';
import { type HostFailure, inPhase, onHosts } from './on-hosts.ts';

/** Hosts whose machine must be made or started before anything else can be said of them. */
export interface LackingMachines {
  readonly plan: Plan;
  readonly lacking: readonly HostEntry[];
  readonly ready: readonly HostEntry[];
  /** Hosts of which the cloud does not tell. */
  readonly failures: readonly HostFailure[];
}

interface Found {
  readonly machine: Machine;
  readonly lack: 'absent' | 'stopped';
}

/** Asks the clouds for the machines of the hosts. Changes nothing. */
export async function lackingMachines(context: FlowContext): Promise<LackingMachines> {
  const machineOf = machineBook(context.signal);
  const { done, failures } = await onHosts(context, context.hosts, (host) => lackOf(host, machineOf));
  const lacking = context.hosts.filter(({ name }) => done.get(name) !== undefined);
  const failed = new Set(failures.map(({ host }) => host));
  return {
    plan: {
      version: 1,
      profile: context.profile.file,
      hosts: lacking.flatMap(({ name }) => planOf(name, done.get(name)) ?? []),
    },
    lacking,
    ready: context.hosts.filter((host) => !lacking.includes(host) && !failed.has(host.name)),
    failures,
  };
}

async function lackOf(host: HostEntry, machineOf: MachineOf): Promise<Found | undefined> {
  const machine = machineOf(host);
  const lack = await machine?.lack();
  return machine === undefined || lack === undefined ? undefined : { machine, lack };
}

function planOf(host: string, found: Found | undefined): HostPlan | undefined {
  if (found === undefined) return undefined;
  const { lack, machine } = found;
  const change =
    lack === 'absent'
      ? ({ id: 'machine', action: 'create', summary: `make the ${machine.title}` } as const)
      : ({ id: 'machine', action: 'start', summary: `start the ${machine.title}` } as const);
  const notes = ['what changes on the machine is planned when it runs'];
  return { host, changes: [{ ...change, steps: [] }], notes };
}

/** Makes or starts the machines, and waits until they take connections. */
export async function bringUpMachines(
  context: FlowContext,
  hosts: readonly HostEntry[],
): Promise<readonly HostFailure[]> {
  const machineOf = machineBook(context.signal);
  const { failures } = await onHosts(context, hosts, (host) =>
    inPhase(context, host.name, 'prepare', async () => {
      const note = (message: string) =>
        context.emit({ kind: 'note', level: 'info', host: host.name, message });
      await machineOf(host)?.bringUp(note);
    }),
  );
  return failures;
}

export interface RemovedMachines {
  /** Hosts whose machine is gone now. */
  readonly removed: readonly string[];
  readonly failures: readonly HostFailure[];
}

/** The machines of the hosts that are there, as a plan to delete them. Changes nothing. */
export async function planRemoval(
  context: FlowContext,
): Promise<Plan & { readonly failures: readonly HostFailure[] }> {
  const machineOf = machineBook(context.signal);
  const { done, failures } = await onHosts(context, context.hosts, async (host) => {
    const machine = machineOf(host);
    return machine !== undefined && (await machine.mayBeRemoved()) ? machine : undefined;
  });
  const hosts = context.hosts.flatMap(({ name }): HostPlan[] => {
    const machine = done.get(name);
    if (machine === undefined) return [];
    const summary = `delete the ${machine.title}, with its disk`;
    return [{ host: name, changes: [{ id: 'machine', action: 'delete', summary, steps: [] }], notes: [] }];
  });
  return { version: 1, profile: context.profile.file, hosts, failures };
}

/** Deletes the machines that berth made for these hosts. */
export async function removeMachines(
  context: FlowContext,
  names: readonly string[],
): Promise<RemovedMachines> {
  const machineOf = machineBook(context.signal);
  const hosts = context.hosts.filter(({ name }) => names.includes(name));
  const { done, failures } = await onHosts(context, hosts, (host) =>
    inPhase(context, host.name, 'reset', async () => (await machineOf(host)?.remove()) ?? false),
  );
  return { removed: [...done].flatMap(([name, removed]) => (removed ? [name] : [])), failures };
}
