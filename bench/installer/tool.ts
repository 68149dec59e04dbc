/** A host as one tool run reaches it: a port of some address, delayed or not. */
export interface Target {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

/** Everything that a tool needs to reach its targets. */
export interface Way {
  /** The tool may write here. */
  readonly folder: string;
  readonly targets: readonly Target[];
  readonly user: string;
  readonly identity: string;
  readonly knownHosts: string;
}

export interface Tool {
  readonly name: string;
  /** Makes the targets what the role says. Throws when it failed, or when it changed something though `expects` is `nothing`. */
  run(way: Way, expects: 'changes' | 'nothing'): Promise<string>;
}
