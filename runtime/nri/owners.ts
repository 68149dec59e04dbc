import type { MessageInitShape } from '@bufbuild/protobuf';
import { Fail } from '../core/fail.ts';
import { Field, type OwningPluginsSchema } from '../spec/ttrpc/nri/api_pb.js';
import { REMOVAL } from './removal.ts';

interface OfContainer {
  readonly simple: Map<Field, string>;
  readonly compound: Map<Field, Map<string, string>>;
}

/** Whose word each field of a container is: two plugins must not contradict each other. */
export class Owners {
  readonly #containers = new Map<string, OfContainer>();

  /** The field, or that entry of it, is the plugin's from now on. Fails `FailedPrecondition` when it is another's. */
  claim(container: string, plugin: string, field: Field, entry?: string): void {
    const { owners, key } = this.#slot(container, field, entry);
    const other = owners.get(key);
    if (other !== undefined && other !== REMOVAL + plugin) {
      const what = entry === undefined ? Field[field] : `${Field[field]} ${entry}`;
      const names = [other.startsWith(REMOVAL) ? other.slice(REMOVAL.length) : other, plugin];
      throw new Fail(
        'FailedPrecondition',
        `the NRI plugins ${names.join(' and ')} both set ${what} of container ${container}`,
        { hint: 'have one of them leave it alone: see their configuration' },
      );
    }
    owners.set(key, plugin);
  }

  /** The plugin has taken away what was there, and may set it anew. */
  clear(container: string, plugin: string, field: Field, entry?: string): void {
    const { owners, key } = this.#slot(container, field, entry);
    owners.set(key, REMOVAL + plugin);
  }

  /** One more of several that add to the field. */
  join(container: string, plugin: string, field: Field): void {
    const { simple } = this.#of(container);
    const others = simple.get(field);
    simple.set(field, others === undefined ? plugin : `${others},${plugin}`);
  }

  /** Whose word the field is; undefined: nobody's. */
  of(container: string, field: Field): string | undefined {
    return this.#containers.get(container)?.simple.get(field);
  }

  /** The same for each entry of a field that has several. */
  entriesOf(container: string, field: Field): ReadonlyMap<string, string> {
    return this.#containers.get(container)?.compound.get(field) ?? new Map();
  }

  message(): MessageInitShape<typeof OwningPluginsSchema> {
    const owners = [...this.#containers].map(([id, { simple, compound }]) => [
      id,
      {
        simple: Object.fromEntries(simple),
        compound: Object.fromEntries(
          [...compound].map(([field, entries]) => [field, { owners: Object.fromEntries(entries) }]),
        ),
      },
    ]);
    return { owners: Object.fromEntries(owners) };
  }

  #slot(
    container: string,
    field: Field,
    entry: string | undefined,
  ): { readonly owners: Map<Field | string, string>; readonly key: Field | string } {
    const { simple, compound } = this.#of(container);
    if (entry === undefined) return { owners: simple, key: field };
    const entries = compound.get(field) ?? new Map<string, string>();
    compound.set(field, entries);
    return { owners: entries, key: entry };
  }

  #of(container: string): OfContainer {
    const known = this.#containers.get(container);
    if (known !== undefined) return known;
    const fresh: OfContainer = { simple: new Map(), compound: new Map() };
    this.#containers.set(container, fresh);
    return fresh;
  }
}
