import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { parseHealth } from '../../../../src/host/facts/health.ts';
import type { Facts } from '../../../../src/host/facts/probe.ts';
import { parseTrouble } from '../../../../src/host/facts/trouble.ts';
import { causes } from '../../../../src/node/doctor/causes.ts';
import { examine } from '../../../../src/node/doctor/examine.ts';
import { doctorNotes } from '../../../../src/node/doctor/notes.ts';
import { parseProfile } from '../../../../src/profile/parse-profile.ts';
import type { Spec } from '../../../../src/profile/profile.ts';
import { factsOf, type ShortFacts } from '../../resources/facts.ts';

/** A host, and what the doctor must say of it. */
interface Case {
  readonly title: string;
  /** YAML, as under `spec:`. */
  readonly spec?: string;
  readonly facts?: Omit<ShortFacts, 'health' | 'trouble'>;
  /** What the host printed: fields are separated by blanks of one kind, `|`; those that begin with `~` go in base64. */
  readonly health?: readonly string[];
  readonly trouble?: readonly string[];
  readonly disks?: Readonly<Record<string, number>>;
  /** `CODE level: evidence`, with the summaries of its fix behind ` => `. */
  readonly findings: readonly string[];
  /** Of them, those that an apply tells too. */
  readonly notes?: readonly string[];
}

const folder = new URL('./cases/', import.meta.url);
const cases = readdirSync(folder).flatMap((file) =>
  (JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Case[]).map((each) => ({ file, each })),
);

const linesOf = (lines: readonly string[]): string[][] =>
  lines.map((line) =>
    line
      .split('|')
      .map((field) =>
        field.startsWith('~') ? Buffer.from(field.slice(1).replaceAll('¦', '|')).toString('base64') : field,
      ),
  );

const specOf = (yaml: string): Spec => {
  const [host] = parseProfile(`hosts: [{ name: a, local: {} }]\nspec:\n${yaml}`, 'profile.yaml').hosts;
  assert.ok(host);
  return host.spec;
};

const sound = ['mount|/|ext4|rw,relatime'];
const controllers = 'controllers|cpuset cpu io memory pids';
const asked = { sent: 1_800_000_000_000, received: 1_800_000_001_000 };

const factsFor = ({ facts, health, trouble, disks }: Case): Facts => ({
  ...factsOf({
    units: { 'chrony.service': { activeState: 'active' } },
    ...facts,
    system: { kernel: '6.18.1', ...facts?.system },
  }),
  health: parseHealth(
    linesOf([
      ...sound,
      ...(health?.some((line) => line.startsWith('controllers')) ? [] : [controllers]),
      ...(health ?? []),
    ]),
    asked,
  ),
  trouble: trouble === undefined ? undefined : parseTrouble(linesOf(trouble)),
  ...(disks === undefined
    ? {}
    : {
        disks: new Map(
          Object.entries(disks).map(([path, freeBytes]) => [path, { mountPoint: path, freeBytes }]),
        ),
      }),
});

for (const { file, each } of cases)
  test(`${file.replace('.json', '')}: ${each.title}`, () => {
    const examined = { spec: specOf(each.spec ?? '  {}'), facts: factsFor(each) };
    const found = examine(examined).map(
      ({ code, level, evidence, fix }) =>
        `${code} ${level}: ${evidence}${fix.length === 0 ? '' : ` => ${fix.map(({ summary }) => summary).join('; ')}`}`,
    );
    assert.deepEqual(found, each.findings);
    const told = doctorNotes(examined).map((note) => note.split(' ')[0]);
    assert.deepEqual(told, each.notes ?? []);
  });

test('every cause is shown by a case, and has a code and a name of its own', () => {
  const shown = new Set(cases.flatMap(({ each }) => each.findings.map((line) => line.split(' ')[0])));
  assert.deepEqual(
    causes.map(({ code }) => code).filter((code) => !shown.has(code)),
    [],
  );
  assert.equal(new Set(causes.map(({ name }) => name)).size, causes.length);
  assert.deepEqual(
    causes.map(({ code }) => code),
    causes.map((_, index) => `BD${String(index + 1).padStart(3, '0')}`),
  );
});

test('docs/doctor.md lists the same codes, names and reasons, and which of them an apply tells', () => {
  const text = readFileSync(new URL('../../../../docs/doctor.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| (BD\d+) \| `([a-z0-9-]+)` \|.*\| (a?) ?\|$/gm)];
  assert.deepEqual(
    rows.map(([, code, name, told]) => [code, name, told === 'a']),
    causes.map(({ code, name, beforeChanges }) => [code, name, beforeChanges === true]),
  );
  for (const { code, name, why } of causes) assert.ok(text.includes(`**${code} \`${name}\`** ${why}`), code);
});
