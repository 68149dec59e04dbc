import assert from 'node:assert/strict';
import test from 'node:test';
import type { RegistriesConfig } from '../../../runtime/config/config.ts';
import { formatReference, parseReference } from '../../../runtime/images/reference.ts';
import { candidatesFor, sourcesFor } from '../../../runtime/images/registry-sources.ts';

type Registry = RegistriesConfig['registries'][number];

const config = (more: Partial<RegistriesConfig> = {}): RegistriesConfig => ({
  unqualifiedSearch: [],
  shortNameMode: 'enforcing',
  aliases: {},
  registries: [],
  ...more,
});

const registry = (prefix: string, more: Partial<Registry> = {}): Registry => ({
  prefix,
  location: prefix,
  insecure: false,
  blocked: false,
  mirrors: [],
  ...more,
});

const namesOf = (text: string, registries: RegistriesConfig): string[] =>
  candidatesFor(text, registries).map(formatReference);

const placesOf = (text: string, ...registries: Registry[]): string[] =>
  sourcesFor(parseReference(text), config({ registries })).map(
    ({ host, repository }) => `${host}/${repository}`,
  );

test('a full name is its only candidate, whatever is searched', () => {
  assert.deepEqual(namesOf('quay.io/app:v1', config({ unqualifiedSearch: ['a.io', 'b.io'] })), [
    'quay.io/app:v1',
  ]);
});

test('a short name goes to the one registry that is searched', () => {
  assert.deepEqual(namesOf('redis:7', config({ unqualifiedSearch: ['docker.io'] })), [
    'docker.io/library/redis:7',
  ]);
});

test('an alias comes before the search and keeps the tag', () => {
  const registries = config({
    unqualifiedSearch: ['docker.io', 'quay.io'],
    aliases: { redis: 'quay.io/crio/redis' },
  });
  assert.deepEqual(namesOf('redis:7', registries), ['quay.io/crio/redis:7']);
});

test('with several registries searched, enforcing refuses and permissive tries each', () => {
  const unqualifiedSearch = ['docker.io', 'quay.io'];
  assert.throws(() => namesOf('redis', config({ unqualifiedSearch })), {
    code: 'InvalidArgument',
    message: /docker\.io, quay\.io/,
  });
  assert.deepEqual(namesOf('redis', config({ unqualifiedSearch, shortNameMode: 'permissive' })), [
    'docker.io/library/redis:latest',
    'quay.io/redis:latest',
  ]);
});

test('a short name without any registry to search is refused', () => {
  assert.throws(() => namesOf('redis', config()), { code: 'InvalidArgument', message: /names no registry/ });
});

test('a name of Object.prototype is no alias', () => {
  assert.deepEqual(namesOf('constructor', config({ unqualifiedSearch: ['quay.io'] })), [
    'quay.io/constructor:latest',
  ]);
});

test('an image comes from its own registry when nothing is configured, and from Docker Hub by its API host', () => {
  assert.deepEqual(placesOf('quay.io/a/b'), ['quay.io/a/b']);
  assert.deepEqual(placesOf('redis'), ['registry-1.docker.io/library/redis']);
});

test('mirrors come first, with the path below the prefix, and are not primary', () => {
  const mirrored = registry('docker.io', { mirrors: [{ location: 'mirror.corp:5000/hub', insecure: true }] });
  assert.deepEqual(sourcesFor(parseReference('redis'), config({ registries: [mirrored] })), [
    { host: 'mirror.corp:5000', repository: 'hub/library/redis', insecure: true, primary: false },
    { host: 'registry-1.docker.io', repository: 'library/redis', insecure: false, primary: true },
  ]);
});

test('the longest prefix wins, and ends at a path component', () => {
  const rules = [
    registry('quay.io', { location: 'a.corp' }),
    registry('quay.io/team', { location: 'b.corp/x' }),
  ];
  assert.deepEqual(placesOf('quay.io/team/app', ...rules), ['b.corp/x/app']);
  assert.deepEqual(placesOf('quay.io/teammate/app', ...rules), ['a.corp/teammate/app']);
});

test('a wildcard covers subdomains, and a prefix without port no other port', () => {
  assert.deepEqual(placesOf('eu.gcr.io/p/app', registry('*.gcr.io', { location: 'corp.io/gcr' })), [
    'corp.io/gcr/p/app',
  ]);
  assert.deepEqual(placesOf('gcr.io/p/app', registry('*.gcr.io', { location: 'corp.io/gcr' })), [
    'gcr.io/p/app',
  ]);
  assert.deepEqual(placesOf('host:5000/app', registry('host', { location: 'corp.io' })), ['host:5000/app']);
});

test('a blocked registry is refused by its prefix', () => {
  assert.throws(() => placesOf('evil.io/app', registry('evil.io', { blocked: true })), {
    code: 'PermissionDenied',
    message: /evil\.io is blocked/,
  });
});
