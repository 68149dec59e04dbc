const parts = ['pidfd', 'stdout', 'stderr', 'stdin', 'terminal'] as const;

/** What the holder keeps of a container. */
export type KeptPart = (typeof parts)[number];

/** The name in the holder: no colon, which separates names in LISTEN_FDNAMES. */
export const keptName = (id: string, part: KeptPart): string => `${id}.${part}`;

/** Of everything that may be kept of a container. */
export const keptNames = (id: string): readonly string[] => parts.map((part) => keptName(id, part));
