import { type Dialect, timestamp } from './dialect.ts';

/** A log that folds nothing: groups have a heading, results stand by themselves. */
export const plain: Dialect = {
  group: (title) => ({ open: (at) => `${timestamp(at)}  == ${title}\n` }),
  folded: (_title, text) => text,
  annotation: () => '',
  quoted: (text) => text,
};
