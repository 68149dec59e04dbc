import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import test from 'node:test';

const checkout = resolve(import.meta.dirname, '../..');

const pagesBelow = (folder: string): string[] =>
  readdirSync(join(checkout, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));

const pages = ['README.md', 'bench/README.md', ...pagesBelow('docs'), ...pagesBelow('docs/decisions')];

/** Text of a page without its blocks of code. */
const proseOf = (page: string): string =>
  readFileSync(join(checkout, page), 'utf8').replace(/^```[\s\S]*?^```$/gm, '');

/** As GitHub and GitLab make them of headings. */
const anchorsOf = (page: string): string[] =>
  [...proseOf(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

test('links between pages lead to files and headings that exist', () => {
  const broken: string[] = [];
  for (const page of pages)
    for (const [, target = ''] of proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : relative(checkout, resolve(checkout, dirname(page), path));
      if (!existsSync(join(checkout, file))) broken.push(`${page}: ${target}`);
      else if (anchor !== undefined && file.endsWith('.md') && !anchorsOf(file).includes(anchor))
        broken.push(`${page}: ${target}`);
    }
  assert.deepEqual(broken, []);
});

test('every page of docs/ is in its index', () => {
  const index = readFileSync(join(checkout, 'docs/README.md'), 'utf8');
  const lacking = pagesBelow('docs').filter((page) => !index.includes(`](${page.slice('docs/'.length)})`));
  assert.deepEqual(
    lacking.filter((page) => page !== 'docs/README.md'),
    [],
    'give it a line in docs/README.md',
  );
});
