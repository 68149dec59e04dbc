import assert from 'node:assert/strict';
import test from 'node:test';
import { overridesOn } from '../../../src/node/overrides.ts';
import { factsOf } from '../resources/facts.ts';

const ours = '/etc/crio/crio.conf.d/20-berth.conf';
const theirs = '/etc/crio/crio.conf.d/50-local.conf';

const overrides = (mine: string, other: string) =>
  overridesOn(
    factsOf({
      files: {
        '/etc/crio/crio.conf.d': { folder: 'full' },
        [ours]: { text: mine },
        [theirs]: { text: other },
      },
    }),
    [],
  ).map(({ summary }) => summary);

const network = (name: string) => `[crio.network]\ncni_default_network = "${name}"\n`;

test('a later file of others that says something else has the last word', () => {
  assert.deepEqual(overrides(network('mynet'), network('other')), [
    `${theirs} has the last word on crio.network.cni_default_network: "other" instead of "mynet"`,
  ]);
});

test('a file that is no TOML, whoever wrote it, says nothing and stops nobody', () => {
  assert.deepEqual(overrides(`${network('mynet')}x\n`, network('other')), []);
  assert.deepEqual(overrides(network('mynet'), 'x\n'), []);
});

test('of a file that is not told of nothing is said', () => {
  const facts = factsOf({
    files: {
      '/etc/crio/crio.conf.d': { folder: 'full' },
      [ours]: { text: network('mynet') },
      [theirs]: { text: network('other') },
    },
  });
  assert.deepEqual(
    overridesOn(facts, [], (path) => path !== theirs),
    [],
  );
});
