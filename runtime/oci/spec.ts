import { Fail } from '../core/fail.ts';
import type { BuiltSpec, SpecInput } from './input.ts';

/** CRI's request as the OCI runtime's config.json. Pure. Fails `InvalidArgument` naming the field. */
export const buildSpec = (_input: SpecInput): BuiltSpec => {
  throw new Fail('Unimplemented', 'buildSpec');
};
