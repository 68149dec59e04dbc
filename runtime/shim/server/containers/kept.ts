/** What the holder keeps of a container. */
export type KeptPart = 'pidfd' | 'stdout' | 'stderr' | 'stdin' | 'terminal';

/** The name in the holder: no colon, which separates names in LISTEN_FDNAMES. */
export const keptName = (id: string, part: KeptPart): string => `${id}.${part}`;
