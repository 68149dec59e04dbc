/**
 * The version of the lines of `--json` and `--log-file`. It goes up when a line changes so that a reader of the one before
 * is wrong about it; kinds and keys that are added change nothing.
 */
export const streamVersion = 1;
