import { Fail } from '../core/fail.ts';
import type { LinuxContainerSecurityContext } from '../spec/cri/api_pb.js';
import type { ResolvedUser } from './input.ts';

/** Read no more than this of a passwd or group file that comes from an image. */
export const MAX_ACCOUNT_FILE_BYTES = 1024 * 1024;

/** Contents of the container's /etc/passwd and /etc/group; undefined: there is none. */
export interface AccountFiles {
  readonly passwd: string | undefined;
  readonly group: string | undefined;
}

/**
 * The user from the request, else from the image (`uid`, `name`, `uid:gid`, `name:group` …), else root.
 * Fails `InvalidArgument` for numbers out of range and names with control characters, `NotFound` for a name
 * that no file has.
 */
export const resolveUser = (
  _context: LinuxContainerSecurityContext | undefined,
  _imageUser: string,
  _files: AccountFiles,
): ResolvedUser => {
  throw new Fail('Unimplemented', 'resolveUser');
};
