/**
 * What berth remembers on a host. Everything is plain text that `cat` shows; the lasting part is:
 *
 *     lock                       taken by flock for the time of an apply; names its holder
 *     origin                     how things were before berth touched them first (tab-separated, one a line)
 *     applied                    path and digest of what berth wrote last, oldest first
 *     failed-packages            packages of which rpm ran a script that failed, one a line
 *     digests                    digest, status (size, inode, time stamps) and path of large files that berth wrote
 *     objects/<sha256>           contents that berth replaced
 *     generations/<number>/      one apply each: `by` whom and when, `journal`, `before` (as origin, but
 *                                before this apply), `output/` of the commands that ran
 *
 * The transient part ends with a reboot: `stale/<unit>` says that the unit runs with what was there
 * before a change.
 */
export const stateFolder = '/var/lib/berth-install';
export const transientFolder = '/run/berth-install';
/** For what only the steps of an apply need; see the step `stage`. */
export const stagingFolder = `${stateFolder}/staging`;
export const objectPath = (sha256: string): string => `${stateFolder}/objects/${sha256}`;
/** Names of packages that count as installed although their script failed, one a line. */
export const failedPackages = `${stateFolder}/failed-packages`;
