import { Fail } from '../core/fail.ts';
import type { OciProcess, OciSpec } from '../spec/oci/runtime.ts';

export interface ExecRequest {
  readonly args: readonly string[];
  readonly tty: boolean;
}

/** A further process in a container: its user, environment, limits and rights, other arguments. */
export const execProcess = (_spec: OciSpec, _request: ExecRequest): OciProcess => {
  throw new Fail('Unimplemented', 'execProcess');
};
