import { createTwoFilesPatch } from 'diff';

/** The unified diff of a text file; undefined stands for a file that is not there. */
export function unifiedDiff(path: string, before: string | undefined, after: string | undefined): string {
  const name = (text: string | undefined) => (text === undefined ? '/dev/null' : path);
  const patch = createTwoFilesPatch(
    name(before),
    name(after),
    before ?? '',
    after ?? '',
    undefined,
    undefined,
    {
      context: 3,
    },
  );
  // The first line only underlines the names that follow.
  return patch.replace(/^(Index: .*\n)?=+\n/, '');
}
