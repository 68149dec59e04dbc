import { Fail } from '../core/fail.ts';
import type { OciProcess, OciSpec } from '../spec/oci/runtime.ts';
import { requireArgument } from './command.ts';

export interface ExecRequest {
  readonly args: readonly string[];
  readonly tty: boolean;
}

/**
 * A further process in a container: its user, environment, limits and rights, other arguments.
 * Fails `InvalidArgument` when there is nothing to run.
 */
export const execProcess = (spec: OciSpec, { args, tty }: ExecRequest): OciProcess => {
  if (args.length === 0) throw new Fail('InvalidArgument', 'exec: no command');
  const hasTerm = spec.process.env.some((variable) => variable.startsWith('TERM='));
  return {
    ...spec.process,
    terminal: tty,
    args: args.map((argument) => requireArgument('cmd', argument)),
    env: tty && !hasTerm ? [...spec.process.env, 'TERM=xterm'] : spec.process.env,
  };
};
