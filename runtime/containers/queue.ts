/** Runs the tasks of one key one after the other, and those of different keys side by side. */
export interface Queues {
  run<T>(key: string, task: () => Promise<T>): Promise<T>;
}

export const createQueues = (): Queues => {
  const tails = new Map<string, Promise<unknown>>();
  return {
    run: (key, task) => {
      const before = tails.get(key) ?? Promise.resolve();
      const result = before.then(task, task);
      const tail = result.catch(() => {}).finally(() => tails.get(key) === tail && tails.delete(key));
      tails.set(key, tail);
      return result;
    },
  };
};
