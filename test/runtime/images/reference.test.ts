import assert from 'node:assert/strict';
import test from 'node:test';
import { formatReference, isShortName, parseReference } from '../../../runtime/images/reference.ts';

const HEX = 'a'.repeat(64);

const FULL_FORMS: readonly (readonly [string, string])[] = [
  ['redis', 'docker.io/library/redis:latest'],
  ['redis:alpine', 'docker.io/library/redis:alpine'],
  ['team/app', 'docker.io/team/app:latest'],
  ['docker.io/redis', 'docker.io/library/redis:latest'],
  ['index.docker.io/library/redis:7', 'docker.io/library/redis:7'],
  ['quay.io/crio/redis:alpine', 'quay.io/crio/redis:alpine'],
  ['localhost/app', 'localhost/app:latest'],
  ['localhost:5000/app:v1', 'localhost:5000/app:v1'],
  ['127.0.0.1:5000/a/b/c', '127.0.0.1:5000/a/b/c:latest'],
  ['[::1]:5000/app', '[::1]:5000/app:latest'],
  ['registry/app', 'docker.io/registry/app:latest'],
  ['Registry/app', 'Registry/app:latest'],
  ['a__b/c-d.e_f--g', 'docker.io/a__b/c-d.e_f--g:latest'],
  [`redis@sha256:${HEX}`, `docker.io/library/redis@sha256:${HEX}`],
  [`quay.io/app:v1@sha256:${HEX}`, `quay.io/app@sha256:${HEX}`],
];

for (const [text, full] of FULL_FORMS) {
  test(`${text} means ${full}`, () => {
    assert.equal(formatReference(parseReference(text)), full);
    assert.equal(formatReference(parseReference(full)), full);
  });
}

const WRONG: readonly (readonly [string, RegExp])[] = [
  ['', /it is empty/],
  ['Redis', /"Redis" must be lower case/],
  ['quay.io/Team/app', /"Team" must be lower case/],
  ['redis:', /"" is not a tag/],
  ['redis:-x', /"-x" is not a tag/],
  [`redis:${'x'.repeat(129)}`, /is not a tag/],
  ['redis@sha256:abc', /64 lower-case hexadecimal digits/],
  [`redis@sha512:${HEX}${HEX}`, /"sha512" is not a digest algorithm/],
  ['redis@', /not a digest algorithm/],
  ['quay.io//app', /empty path component/],
  ['quay.io/app/', /empty path component/],
  ['/app', /empty path component/],
  ['quay.io/../app', /"\.\." is not a repository path component/],
  ['quay.io/a b', /"a b" is not a repository path component/],
  ['-bad-.io/app', /"-bad-\.io" is not a registry host/],
  ['https://quay.io/app', /registry host|path component|not a tag/],
  [`quay.io/${'a'.repeat(260)}`, /longer than 255/],
  ['redis\n', /path component/],
];

for (const [text, message] of WRONG) {
  test(`${JSON.stringify(text.slice(0, 40))} is refused by naming what is wrong`, () => {
    assert.throws(() => parseReference(text), { code: 'InvalidArgument', message });
  });
}

test('a name is short when it names no registry', () => {
  for (const name of ['redis', 'team/app:v1', `redis@sha256:${HEX}`]) assert.equal(isShortName(name), true);
  for (const name of ['quay.io/app', 'localhost/app', 'host:5000/app'])
    assert.equal(isShortName(name), false);
});
