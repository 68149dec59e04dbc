import type { Fail, FailCode } from './fail.ts';

/** The phases of a flow, in the order in which a host passes them. */
export type Phase = 'connect' | 'probe' | 'plan' | 'prepare' | 'apply' | 'verify' | 'rollback' | 'reset';

/** The level of the verification that asks for a check; `reboot` is asked for by itself. */
export type Grade = 'smoke' | 'node' | 'full' | 'reboot';

/** One check of the verification, done: green, red, or not run. */
export interface Check {
  /** Stable identifier, e.g. `redis.exec`. */
  readonly id: string;
  /** What was checked, in words. */
  readonly title: string;
  readonly grade?: Grade;
  readonly ok: boolean;
  /** It would have meant nothing, and `detail` says why: neither green nor red. `ok` is false. */
  readonly notRun?: true;
  readonly milliseconds: number;
  /** What was seen, one line. */
  readonly detail: string;
  /** On failure: outputs that show it (crictl's answer, tail of the journal). */
  readonly evidence?: readonly { readonly title: string; readonly text: string }[];
  /** On failure: the likely remedy. On a green check: it is a warning, and this is what to do about it. */
  readonly remedy?: string;
}

/** The checks of a host. Some are done side by side: together they take less than the sum of their times. */
export interface Verification {
  readonly checks: readonly Check[];
  /** From the beginning of the verification to its end. */
  readonly milliseconds: number;
  /** The host went back from a change that was red, and this is how it was found then. */
  readonly wentBack?: true;
}

/** Something is wrong: a check that was not run does not say so by itself. */
export const isRed = (check: Check): boolean => !check.ok && check.notRun !== true;

/**
 * What happens while a flow runs. Flows emit these and print nothing; faces print and decide nothing.
 * `host` is the profile's name of the host.
 */
export type Event =
  /** First of all: what the run is about. Hosts that are not begun yet have no other event. */
  | { readonly kind: 'run-started'; readonly profile: string; readonly hosts: readonly string[] }
  | {
      readonly kind: 'phase-started';
      readonly host: string;
      readonly phase: Phase;
      readonly total?: number;
      /** Of a verification: the grades of the checks that are asked for. */
      readonly grades?: readonly Grade[];
    }
  | {
      readonly kind: 'phase-ended';
      readonly host: string;
      readonly phase: Phase;
      readonly milliseconds: number;
      readonly failed: boolean;
    }
  /** One change of the plan, or one artifact being prepared. `id` is unique within the host. */
  | {
      readonly kind: 'step-started';
      readonly host: string;
      readonly phase: Phase;
      readonly id: string;
      readonly title: string;
    }
  | {
      readonly kind: 'step-ended';
      readonly host: string;
      readonly phase: Phase;
      readonly id: string;
      readonly milliseconds: number;
      readonly failed: boolean;
      readonly detail?: string;
      /** Of a change that failed. */
      readonly code?: FailCode;
    }
  /** What the host runs from now on, as one would type it: of the step or the check `id`. Without secrets. */
  | {
      readonly kind: 'command';
      readonly host: string;
      readonly phase: Phase;
      readonly id: string;
      readonly command: string;
    }
  /** It is over, although what came of it is told later, or not at all. */
  | { readonly kind: 'command-ended'; readonly host: string; readonly phase: Phase; readonly id: string }
  /** Bytes of an upload, a download or the pull of an image: of the step or the check `id`, or of an address. */
  | {
      readonly kind: 'bytes';
      readonly host: string;
      readonly id: string;
      readonly done: number;
      readonly total: number;
    }
  | {
      readonly kind: 'note';
      readonly level: 'debug' | 'info' | 'warn';
      readonly host?: string;
      readonly message: string;
    }
  | { readonly kind: 'checked'; readonly host: string; readonly check: Check }
  | { readonly kind: 'failed'; readonly host?: string; readonly error: Fail };

export type Emit = (event: Event) => void;
