import type { Config, RuntimeHandler } from '../config/config.ts';
import { Fail } from '../core/fail.ts';

/** The OCI command line up to the verb. `--log-format json` is the shim's to add. */
export const runtimeCommand = (
  _handler: RuntimeHandler,
  _cgroupManager: Config['cgroupManager'],
): string[] => {
  throw new Fail('Unimplemented', 'runtimeCommand');
};

export interface RuntimeVersion {
  /** `runc`, `crun`, `runsc` … */
  readonly name: string;
  readonly version: string;
  /** Version of the OCI runtime specification; undefined when it does not say. */
  readonly spec: string | undefined;
}

/** Parses what `<runtime> --version` printed; undefined when it is not an OCI runtime's. */
export const parseRuntimeVersion = (_stdout: string): RuntimeVersion | undefined => {
  throw new Fail('Unimplemented', 'parseRuntimeVersion');
};
