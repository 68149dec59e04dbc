import type { Face } from '../faces/face.ts';
import type { FlowContext } from '../flows/context.ts';
import { consent } from './consent.ts';
import { exitCodes } from './exit-codes.ts';
import { exitCodeOfFailures } from './failed-hosts.ts';
import type { ChangeOptions } from './options.ts';

/** What there is to work on, after the machines that were missing are there. */
export interface WithMachines {
  /** The same command, on the hosts whose machines run; undefined: there are none. */
  readonly context: FlowContext | undefined;
  /** What the command must end with when the rest of it ends well. */
  readonly exitCode: number;
}

const hasMachine = ({ address }: FlowContext['hosts'][number]): boolean => address.kind === 'gce';

/** Makes or starts the machines that hosts lack: shown and asked for first. Hosts without machines of ours pass at once. */
export const withMachines = async (
  context: FlowContext,
  face: Face,
  options: ChangeOptions,
): Promise<WithMachines> => {
  if (!context.hosts.some(hasMachine)) return { context, exitCode: exitCodes.done };
  const { bringUpMachines, lackingMachines } = await import('../flows/machines.ts');
  const { plan, lacking, ready, failures } = await lackingMachines(context);
  const on = (hosts: FlowContext['hosts']) => (hosts.length === 0 ? undefined : { ...context, hosts });
  const failed = exitCodeOfFailures(failures, context.hosts.length, face);
  if (lacking.length === 0) return { context: on(ready), exitCode: failed };
  const may = await consent(plan, 'Make these machines?', options, face, context.signal);
  if (!may) {
    if (options.check !== true) face.message('Nothing was changed.');
    const context = options.check === true ? on(ready) : undefined;
    return { context, exitCode: failed || exitCodes.changesPending };
  }
  const notUp = await bringUpMachines(context, lacking);
  const broken = new Set([...notUp, ...failures].map(({ host }) => host));
  const hosts = context.hosts.filter(({ name }) => !broken.has(name));
  return { context: on(hosts), exitCode: failed || exitCodeOfFailures(notUp, context.hosts.length, face) };
};

/** `hosts create` */
export const createMachines = async (
  context: FlowContext,
  face: Face,
  options: ChangeOptions,
): Promise<number> => {
  if (!context.hosts.some(hasMachine)) {
    face.message('Nothing to do: none of these hosts has a machine that berth could make.');
    return exitCodes.done;
  }
  const { exitCode } = await withMachines(context, face, options);
  if (exitCode === exitCodes.done) face.message('The machines run.');
  return exitCode;
};

/** `hosts delete` */
export const deleteMachines = async (
  context: FlowContext,
  face: Face,
  options: ChangeOptions,
): Promise<number> => {
  const { planRemoval, removeMachines } = await import('../flows/machines.ts');
  const { failures, ...plan } = await planRemoval(context);
  const failed = exitCodeOfFailures(failures, context.hosts.length, face);
  if (plan.hosts.length === 0) {
    if (!failed) face.message('Nothing to do: none of these hosts has a machine that berth could delete.');
    return failed;
  }
  if (!(await consent(plan, 'Delete these machines?', options, face, context.signal))) {
    if (options.check !== true) face.message('Nothing was deleted.');
    return failed || exitCodes.changesPending;
  }
  const names = plan.hosts.map(({ host }) => host);
  const { removed, failures: kept } = await removeMachines(context, names);
  if (removed.length > 0) face.message(`Deleted: ${removed.join(', ')}.`);
  return failed || exitCodeOfFailures(kept, context.hosts.length, face);
};
