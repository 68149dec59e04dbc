import { Fail } from '../core/fail.ts';
import { type LinuxContainerSecurityContext, SupplementalGroupsPolicy } from '../spec/cri/api_pb.js';
import type { ResolvedUser } from './input.ts';

/** Read no more than this of a passwd or group file that comes from an image; refuse a longer one. */
export const MAX_ACCOUNT_FILE_BYTES = 1024 * 1024;

/** The kernel's ids end at 2³²-2, but tools of the container keep them in a signed int. */
const MAX_ID = 2 ** 31 - 1;
const MAX_GROUPS = 65_536;

/** Contents of the container's /etc/passwd and /etc/group; undefined: there is none. */
export interface AccountFiles {
  readonly passwd: string | undefined;
  readonly group: string | undefined;
}

interface Account {
  readonly name: string | undefined;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/**
 * The user from the request, else from the image (`uid`, `name`, `uid:gid`, `name:group` …), else root.
 * Fails `InvalidArgument` for numbers out of range and names with control characters, `NotFound` for a name
 * that no file has.
 */
export const resolveUser = (
  context: LinuxContainerSecurityContext | undefined,
  imageUser: string,
  files: AccountFiles,
): ResolvedUser => {
  const requested = requestedUser(context);
  if (context?.runAsUser !== undefined && context.runAsUsername !== '')
    throw new Fail('InvalidArgument', 'run_as_user and run_as_username are both there; one decides');
  if (requested === undefined && context?.runAsGroup !== undefined) {
    throw new Fail('InvalidArgument', 'run_as_group needs run_as_user or run_as_username');
  }
  const [user = '', group] = (requested ?? imageUser).split(':', 2);
  if ((requested ?? imageUser).split(':').length > 2) throw malformed('user', requested ?? imageUser);
  const account = findAccount(user === '' ? '0' : user, files.passwd);
  const gid =
    context?.runAsGroup === undefined
      ? groupId(group, account.gid, files.group)
      : asId(context.runAsGroup, 'run_as_group');
  return {
    uid: account.uid,
    gid,
    // The primary group belongs here too: without it a container could shed a group that denies it access (CVE-2022-36109).
    additionalGids: unique([
      gid,
      ...memberships(account.name, context, files.group),
      ...supplementalGroups(context),
    ]),
    home: account.home,
  };
};

const requestedUser = (context: LinuxContainerSecurityContext | undefined): string | undefined => {
  if (context?.runAsUser !== undefined) return String(asId(context.runAsUser, 'run_as_user'));
  const name = context?.runAsUsername ?? '';
  if (name === '') return undefined;
  if (name.includes(':')) throw malformed('run_as_username', name);
  return name;
};

const asId = (id: { readonly value: bigint }, field: string): number => bounded(id.value, field);

const bounded = (value: bigint | string, field: string): number => {
  const number = typeof value === 'string' && value.length > 10 ? MAX_ID + 1 : Number(value);
  if (Number.isInteger(number) && number >= 0 && number <= MAX_ID) return number;
  throw new Fail('InvalidArgument', `${field} ${value} is not between 0 and ${MAX_ID}`);
};

const malformed = (field: string, text: string): Fail =>
  new Fail('InvalidArgument', `${field} ${JSON.stringify(text.slice(0, 256))} is not a user`);

/** A number need not be in the file; a name must. */
const findAccount = (user: string, passwd: string | undefined): Account => {
  requireName('user', user);
  const numeric = /^\d+$/.test(user) ? bounded(user, 'user') : undefined;
  for (const line of records(passwd)) {
    const [name = '', , uid = '', gid = '', , home = ''] = line.split(':');
    if (name === user || (numeric !== undefined && /^\d+$/.test(uid) && Number(uid) === numeric)) {
      requirePrintable(`home of user ${name}`, home);
      return {
        name,
        uid: bounded(digits(uid, name), `uid of ${name}`),
        gid: bounded(digits(gid, name), `gid of ${name}`),
        home: home === '' ? '/' : home,
      };
    }
  }
  if (numeric !== undefined) return { name: undefined, uid: numeric, gid: 0, home: '/' };
  throw new Fail('NotFound', `user ${JSON.stringify(user)} is not in the container's /etc/passwd`, {
    hint: 'use a numeric user, or an image that has this user',
  });
};

const groupId = (group: string | undefined, primary: number, file: string | undefined): number => {
  if (group === undefined || group === '') return primary;
  requireName('group', group);
  for (const line of records(file)) {
    const [name, , gid = ''] = line.split(':');
    if (name === group) return bounded(digits(gid, group), `gid of ${group}`);
  }
  if (/^\d+$/.test(group)) return bounded(group, 'group');
  throw new Fail('NotFound', `group ${JSON.stringify(group)} is not in the container's /etc/group`, {
    hint: 'use a numeric group, or an image that has this group',
  });
};

/** Groups that /etc/group lists the user in; none under the policy Strict. */
const memberships = (
  name: string | undefined,
  context: LinuxContainerSecurityContext | undefined,
  file: string | undefined,
): readonly number[] => {
  if (name === undefined || context?.supplementalGroupsPolicy === SupplementalGroupsPolicy.Strict) return [];
  return records(file)
    .map((line) => line.split(':'))
    .filter(([, , , members = '']) => members.trim().split(',').includes(name))
    .map(([group = '', , gid = '']) => bounded(digits(gid, group), `gid of ${group}`));
};

const supplementalGroups = (context: LinuxContainerSecurityContext | undefined): readonly number[] =>
  (context?.supplementalGroups ?? []).map((gid) => bounded(gid, 'supplemental_groups'));

const unique = (gids: readonly number[]): readonly number[] => {
  const result = [...new Set(gids)];
  if (result.length <= MAX_GROUPS) return result;
  throw new Fail('InvalidArgument', `the user is in ${result.length} groups; the kernel takes ${MAX_GROUPS}`);
};

/** Lines of a passwd or group file without comments and blank ones. */
const records = (file: string | undefined): readonly string[] =>
  (file ?? '').split('\n').filter((line) => line.includes(':') && !line.startsWith('#'));

const digits = (text: string, owner: string): string => {
  if (/^\d+$/.test(text)) return text;
  throw new Fail(
    'InvalidArgument',
    `the container's account files give ${JSON.stringify(owner)} no numeric id`,
  );
};

const requireName = (field: string, name: string): void => {
  if (name.length > 256) throw malformed(field, name);
  requirePrintable(field, name);
};

/** A line end in a name or home would add lines to files that others write for the container (CVE-2022-4318). */
const requirePrintable = (field: string, text: string): void => {
  if (/[\x00-\x1f\x7f]/.test(text)) {
    throw new Fail(
      'InvalidArgument',
      `${field} ${JSON.stringify(text.slice(0, 256))} has control characters`,
    );
  }
};
