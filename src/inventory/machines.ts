import type { HostEntry } from '../profile/profile.ts';
import { applicationDefault } from './gce/credentials.ts';
import { GceMachine, type Lack } from './gce/machine.ts';

/** A machine that berth can make, start and take away. */
export interface Machine {
  /** In words: `instance node-1 (e2-standard-2, debian-12, Spot) in europe-west1-b of my-project`. */
  readonly title: string;
  /** What it lacks before it can be looked at; undefined: it runs. */
  lack(): Promise<Lack | undefined>;
  bringUp(onNote: (message: string) => void): Promise<void>;
  /** Whether there is one to delete. @throws Fail `BadUsage` when berth did not make it */
  mayBeRemoved(): Promise<boolean>;
  /** The same; answers false when there is none. */
  remove(): Promise<boolean>;
}

/** The machine of a host; undefined: its machine is not ours to make. */
export type MachineOf = (host: HostEntry) => Machine | undefined;

export function machineBook(signal: AbortSignal): MachineOf {
  const tokenOf = applicationDefault(signal);
  return ({ name, address }) => {
    if (address.kind !== 'gce') return undefined;
    const { gce } = address;
    const { instance, machineType, image, spot, zone, project } = gce;
    const kind = [machineType, image.name, ...(spot ? ['Spot'] : [])].join(', ');
    const machine = new GceMachine(name, gce, tokenOf, signal);
    return {
      title: `instance ${instance} (${kind}) in ${zone} of ${project}`,
      lack: () => machine.lack(),
      bringUp: (onNote) => machine.bringUp(onNote),
      mayBeRemoved: () => machine.mayBeRemoved(),
      remove: () => machine.remove(),
    };
  };
}
