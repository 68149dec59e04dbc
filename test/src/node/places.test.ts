import assert from 'node:assert/strict';
import test from 'node:test';
import { everyPlace, placesOn } from '../../../src/node/places.ts';
import { factsOf } from '../resources/facts.ts';

test('nothing goes below a folder that cannot be written to', () => {
  for (const readOnly of [[], ['/usr'], ['/usr', '/usr/local']]) {
    const places = placesOn(factsOf({ readOnly }));
    for (const [name, path] of Object.entries(places)) {
      const folder = path.startsWith('/usr/local/') ? '/usr/local' : path.slice(0, 4);
      assert.ok(!readOnly.includes(folder), `${name}: ${path} on a host with read-only ${readOnly}`);
    }
  }
});

test('every place is asked for before the host is known', () => {
  for (const readOnly of [[], ['/usr'], ['/usr', '/usr/local']]) {
    const places = placesOn(factsOf({ readOnly }));
    for (const key of ['releases', 'launcher', 'crictl', 'masquerade'] as const)
      assert.ok(everyPlace(key).includes(places[key]), places[key]);
  }
});
