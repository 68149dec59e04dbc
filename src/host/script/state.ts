/**
 * What berth remembers on a host. Everything is plain text that `cat` shows; the lasting part is:
 *
 *     lock                       taken by flock for the time of an apply; names its holder
 *     origin                     how things were before berth touched them first (tab-separated, one a line); a rollback
 *                                to before berth puts it away: what comes next is a first touch again
 *     applied                    path and digest of what berth wrote last and did not take away since, oldest first
 *     failed-packages            packages of which rpm ran a script that failed, one a line
 *     digests                    digest, status (size, inode, time stamps) and path of large files that berth wrote
 *     objects/<sha256>           contents that berth replaced
 *     generations/<number>/      one apply or rollback each: `by` whom and when, what it is `about` (kind, goal of a
 *                                rollback, version of berth, digest of the spec, number of changes), the `spec`,
 *                                `journal`, `before` (as origin, but before this one; `version` of packages from and
 *                                to, units that were `disturbed`, modules that were `loaded`), `outcome`, `evidence` of
 *                                a red verification, `output/` of the commands that ran
 *     guard/                     what watches over an unconfirmed change; guard.sh says what lies there
 *
 * The transient part ends with a reboot: `stale/<unit>` says that the unit runs with what was there
 * before a change; `errors` is what the programs of the change at work said.
 */
export const stateFolder = '/var/lib/berth-install';
export const transientFolder = '/run/berth-install';
/** For what only the steps of an apply need; see the step `stage`. */
export const stagingFolder = `${stateFolder}/staging`;
export const objectPath = (sha256: string): string => `${stateFolder}/objects/${sha256}`;
/** Names of packages that count as installed although their script failed, one a line. */
export const failedPackages = `${stateFolder}/failed-packages`;
