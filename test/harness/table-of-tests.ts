import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The cells of a Markdown table's rows, its head left out. */
export const rowsOfTable = (markdown: string): readonly (readonly string[])[] =>
  markdown
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(2)
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );

/** A cell names tests, `file`: a part of the name of a test in it, with ` · ` between them. Fails for one that is not there. */
export const assertTestsExist = (folder: string, cell: string): void => {
  for (const entry of cell.split(' · ')) {
    const [, file, name] = /^`([^`]+)`: (.+)$/.exec(entry) ?? [];
    assert.ok(file !== undefined && name !== undefined, `${entry} does not name a test`);
    assert.ok(readFileSync(join(folder, file), 'utf8').includes(name), `${file} has no test “${name}”`);
  }
};
