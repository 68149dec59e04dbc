import { scratchFile } from '../../../linux/memory-file.ts';

/**
 * Something to read that ends at once, as /dev/null does, but nobody else's: an OCI runtime gives what it inherits to
 * the container's user, and crun 1.8 gives away the host's /dev/null.
 */
export const emptyInput = (): number => scratchFile('stdin');

/** Standard streams of a runtime whose process gets a terminal. */
export const emptyStreams = (): readonly number[] => ['stdin', 'stdout', 'stderr'].map(scratchFile);
