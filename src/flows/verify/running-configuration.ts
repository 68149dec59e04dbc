import { z } from 'zod';
import { green, type Judge, red } from './verdict.ts';

const configuration = z.record(z.string(), z.json());
const info = z.object({ config: configuration });
type Configuration = z.output<typeof configuration>;

/** Where something was read from, and what was passed over: not what it comes to. */
const notCompared: ReadonlySet<string> = new Set(['files', 'ignored']);

/** Keys in one order, so that equal values are equal text. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  ) ?? 'nothing';

interface Difference {
  readonly key: string;
  readonly running: string;
  readonly files: string;
}

const differences = (files: Configuration, running: Configuration): Difference[] =>
  [...new Set([...Object.keys(files), ...Object.keys(running)])]
    .filter((key) => !notCompared.has(key))
    .map((key) => ({ key, running: canonical(running[key]), files: canonical(files[key]) }))
    .filter((each) => each.running !== each.files);

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    // The judge says that it is no configuration.
    return undefined;
  }
};

const shortly = (text: string): string => (text.length > 40 ? `${text.slice(0, 39)}…` : text);

/** The first line is what the files say, by `berthd config`; the rest what the daemon works with, by `crictl info`. */
export const runningConfiguration: Judge = {
  title: 'berthd works with it',
  judge: ({ stdout }) => {
    const end = stdout.indexOf('\n');
    const files = configuration.safeParse(parsed(stdout.slice(0, end)));
    const running = info.safeParse(parsed(stdout.slice(end)));
    if (!files.success || !running.success) return red('the answers are no configurations');
    const found = differences(files.data, running.data.config);
    if (found.length === 0)
      return green(
        `${Object.keys(running.data.config).length - notCompared.size} settings as the files have them`,
      );
    return red(
      found
        .map((each) => `${each.key} is ${shortly(each.running)}, the files say ${shortly(each.files)}`)
        .join('; '),
      'a file was changed after berthd had read it: systemctl restart berthd (containers go on running)',
    );
  },
  remedy: 'the files are not usable for berthd: it would not start again; the evidence says which and why',
};
