import type { Log } from '../observe/log.ts';
import { Event } from '../spec/ttrpc/nri/api_pb.js';
import type { Plugin } from './plugin.ts';

/**
 * The plugins in the order of their indices, and the turns in which they are asked: one question after the other, to
 * all of them, so that each sees pods and containers change in one order. A plugin joins in a turn of its own.
 */
export class Plugins {
  readonly #log: Log;
  #plugins: readonly Plugin[] = [];
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Nobody is there to be asked, nor on the way. */
  get idle(): boolean {
    return this.#plugins.length === 0 && this.#waiting === 0;
  }

  has(plugin: Plugin): boolean {
    return this.#plugins.includes(plugin);
  }

  get validators(): readonly Plugin[] {
    return this.#plugins.filter((plugin) => plugin.wants(Event.VALIDATE_CONTAINER_ADJUSTMENT));
  }

  /** Runs the work when those before it are done. It ends for certain: each plugin has so much time for each question. */
  turn<T>(work: (plugins: readonly Plugin[]) => Promise<T>): Promise<T> {
    this.#waiting += 1;
    const result = this.#last.then(() => work(this.#plugins));
    this.#last = result.then(
      () => this.#done(),
      () => this.#done(),
    );
    return result;
  }

  /** Within a turn. */
  add(plugin: Plugin): void {
    this.#plugins = [...this.#plugins, plugin].sort((one, other) => one.index.localeCompare(other.index));
    plugin.closed.then(() => this.#remove(plugin));
    this.#log.info('an NRI plugin takes part', {
      plugin: plugin.name,
      order: this.#plugins.map(({ name }) => name),
    });
  }

  async shutdown(): Promise<void> {
    const all = this.#plugins;
    this.#plugins = [];
    await Promise.all(all.map((plugin) => plugin.shutdown()));
  }

  #remove(plugin: Plugin): void {
    if (!this.has(plugin)) return;
    this.#plugins = this.#plugins.filter((one) => one !== plugin);
    this.#log.info('an NRI plugin has gone', { plugin: plugin.name });
  }

  #done(): void {
    this.#waiting -= 1;
  }
}
