import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parseDocument } from 'yaml';
import { runBerth } from '../cli/run-berth.ts';

const profiles = new URL('../../../profiles/', import.meta.url);
const bad = new URL('../cli/bad-profiles/', import.meta.url);
const file = 'berth.schema.json';

const yamlIn = (folder: URL): string[] => readdirSync(folder).filter((name) => name.endsWith('.yaml'));

const schema: Record<string, unknown> = JSON.parse(readFileSync(new URL(file, profiles), 'utf8'));
const ajv = new Ajv2020({
  allErrors: true,
  strict: true,
  strictRequired: false,
  allowUnionTypes: true,
  validateFormats: false,
});
const validate = ajv.compile(schema);
const errorsOf = (value: unknown): string[] =>
  validate(value)
    ? []
    : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);

/** Undefined: no YAML that a schema could look at. */
const read = (folder: URL, name: string): { value: unknown } | undefined => {
  const document = parseDocument(readFileSync(new URL(name, folder), 'utf8'), { logLevel: 'error' });
  if (document.errors.length > 0) return undefined;
  try {
    return { value: document.toJS() };
  } catch {
    return undefined;
  }
};

test('berth schema prints the schema that lies beside the profiles', async () => {
  const ran = await runBerth(['schema']);
  assert.equal(ran.exitCode, 0, ran.stderr);
  const written = readFileSync(new URL(file, profiles), 'utf8');
  assert.ok(ran.stdout === written, 'it is another one now: npm run generate:profile');
});

test('the schema accepts every profile that we ship, and each names it for editors', () => {
  const names = yamlIn(profiles);
  assert.ok(names.length >= 2);
  for (const name of names) {
    assert.deepEqual(errorsOf(read(profiles, name)?.value), [], name);
    const [first] = readFileSync(new URL(name, profiles), 'utf8').split('\n');
    assert.equal(first, `# yaml-language-server: $schema=${file}`, name);
  }
});

test('the schema accepts every profile of docs/profile.md', () => {
  const page = readFileSync(new URL('../../../docs/profile.md', import.meta.url), 'utf8');
  for (const [, text = ''] of page.matchAll(/```yaml\n(.*?)```/gs))
    assert.deepEqual(
      errorsOf(parseDocument(text).toJS()).filter((error) => !isFragment(error)),
      [],
      text,
    );
});

/** Files that are included or laid over others have no hosts of their own. */
const isFragment = (error: string): boolean => error === " must have required property 'hosts'";

/** What is wrong with these spans several keys or files, or needs more than a pattern to see. */
const beyondSchema = [
  'artifacts',
  'cluster-elsewhere',
  'duplicate-hosts',
  'embedded-image-elsewhere',
  'embedded-image',
  'engine-of-berth',
  'image-digest',
  'images',
  'include-cycle',
  'include-missing',
  'include-syntax',
  'mirrors-twice',
  'service-range-default',
  'service-range',
  'subnets',
  'variable-without-value',
];

test('the schema refuses every bad profile whose fault a schema can say', () => {
  const accepted = yamlIn(bad).filter((name) => {
    const found = read(bad, name);
    return found !== undefined && errorsOf(found.value).length === 0;
  });
  assert.deepEqual(
    accepted.map((name) => name.slice(0, -'.yaml'.length)),
    beyondSchema,
  );
});

test('every key of the schema is described', () => {
  const missing: string[] = [];
  const walk = (node: unknown, path: string): void => {
    if (typeof node !== 'object' || node === null) return;
    for (const [key, value] of Object.entries(node)) {
      if (key === 'properties')
        for (const [name, child] of Object.entries(value as Record<string, { description?: string }>))
          if (child.description === undefined) missing.push(`${path}.${name}`);
      walk(value, `${path}.${key}`);
    }
  };
  walk(schema, '');
  assert.deepEqual(missing, []);
});

test('a variable may stand where a number, a choice or a secret is wanted, and not for the name of a host', () => {
  const profile = (host: Record<string, unknown>, spec = {}) => ({ hosts: [{ name: 'a', ...host }], spec });
  const ssh = { host: '${address}', port: '${port}', password: '${password}' };
  assert.deepEqual(errorsOf(profile({ ssh }, { policy: { default: '${policy}' } })), []);
  assert.notDeepEqual(errorsOf(profile({ ssh: { ...ssh, port: 'ssh' } })), []);
  assert.notDeepEqual(errorsOf(profile({ ssh: { ...ssh, password: 'hunter2' } })), []);
  assert.notDeepEqual(errorsOf({ hosts: [{ name: '${name}', local: {} }] }), []);
});
