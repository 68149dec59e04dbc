import type { Fail } from './fail.ts';

/** The phases of a flow, in the order in which a host passes them. */
export type Phase = 'connect' | 'probe' | 'plan' | 'prepare' | 'apply' | 'verify' | 'reset';

/** One check of the verification, done. */
export interface Check {
  /** Stable identifier, e.g. `redis.exec`. */
  readonly id: string;
  /** What was checked, in words. */
  readonly title: string;
  readonly ok: boolean;
  readonly milliseconds: number;
  /** What was seen, one line. */
  readonly detail: string;
  /** On failure: outputs that show it (crictl's answer, tail of the journal). */
  readonly evidence?: readonly { readonly title: string; readonly text: string }[];
  /** On failure: the likely remedy. */
  readonly remedy?: string;
}

/**
 * What happens while a flow runs. Flows emit these and print nothing; faces print and decide nothing.
 * `host` is the profile's name of the host.
 */
export type Event =
  | { readonly kind: 'phase-started'; readonly host: string; readonly phase: Phase; readonly total?: number }
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
    }
  /** Bytes of an upload or a download. */
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
