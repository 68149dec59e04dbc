interface Child {
  /** What the cgroup had counted already when it was first seen. */
  readonly before: number;
  /** What it has counted since, as far as is known. */
  kills: number;
}

/** The OOM kills that a counter tells; undefined when its cgroup is gone. */
export type ReadKills = (counter: string) => number | undefined;

/**
 * Tells the OOM kills of a cgroup that is gone from those of its siblings. On cgroup v2 the counts of a parent contain
 * those of everything that was ever below it (Linux, cgroup-v2.rst, "memory.events"): what none of the others has
 * counted is what the gone one had.
 */
export class KillsBelow {
  readonly #parent: string;
  readonly #read: ReadKills;
  readonly #children = new Map<string, Child>();
  /** Kills in the parent's count that no child of ours has to answer for any more. */
  #settled: number;

  /** `parent` is the counter of the cgroup above. */
  constructor(parent: string, read: ReadKills) {
    this.#parent = parent;
    this.#read = read;
    this.#settled = read(parent) ?? 0;
  }

  get isEmpty(): boolean {
    return this.#children.size === 0;
  }

  add(child: string): void {
    this.#children.set(child, { before: this.#read(child) ?? 0, kills: 0 });
  }

  /** Whether there are kills that only this child can have had, which is gone. They are its own from then on. */
  claim(child: string): boolean {
    const known = this.#children.get(child);
    const all = this.#read(this.#parent);
    if (known === undefined || all === undefined) return false;
    for (const [counter, other] of this.#children) if (other !== known) this.#look(counter, other);
    const others = [...this.#children.values()].filter((other) => other !== known);
    known.kills = Math.max(known.kills, all - others.reduce((sum, { kills }) => sum + kills, this.#settled));
    return known.kills > 0;
  }

  /** A child that nobody asks for any more; what it had stays in the parent's count. */
  remove(child: string): void {
    const known = this.#children.get(child);
    if (known === undefined) return;
    this.#look(child, known);
    this.#settled += known.kills;
    this.#children.delete(child);
  }

  #look(counter: string, child: Child): void {
    const kills = this.#read(counter);
    if (kills !== undefined) child.kills = kills - child.before;
  }
}
