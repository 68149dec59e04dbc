import assert from 'node:assert/strict';
import test from 'node:test';
import type { Check } from '../../../../src/core/events.ts';
import { troubleLines } from '../../../../src/faces/live/trouble-lines.ts';
import { redPull } from './story.ts';

const rowsOf = (check: Check, telling: Parameters<typeof troubleLines>[1]): string[] =>
  troubleLines({ kind: 'check', check, wentBack: false }, telling).map((line) =>
    line.map(({ text }) => text).join(''),
  );

const notReady = 'NetworkReady is false: network mynet: plugins not installed: bridge';
const info = JSON.stringify(
  { status: { conditions: [{ message: notReady, type: 'NetworkReady' }] } },
  null,
  2,
);
const network: Check = {
  ...redPull,
  id: 'socket.info',
  title: 'network ready',
  detail: notReady,
  evidence: [
    { title: 'what it printed', text: info },
    { title: 'journal of berthd', text: 'berthd listens' },
  ],
  remedy: 'look into /etc/cni/net.d',
};

test('what is red has a mark that needs no colour, and all that is told of it stands under its words', () => {
  assert.deepEqual(rowsOf(redPull, { width: 60, rows: 9 }), [
    '✗ redis.pull: the image is fetched: exit status 1: manifest',
    '  unknown',
    '    FATA pulling image: NotFound:',
    '    registry.example/redis:alpine: manifest unknown',
    '  remedy: can the host reach the registry of',
    '  registry.example/redis:alpine? mirrors and proxies belong',
    '  in spec.registries',
  ]);
});

test('in a list the end of a JSON text is no evidence: its sentence is told already', () => {
  assert.deepEqual(rowsOf(network, { width: 100, rows: 9 }), [
    `✗ socket.info: network ready: ${notReady}`,
    '  remedy: look into /etc/cni/net.d',
  ]);
});

test('in a list an output that ends in the sentence of the failure is not told again', () => {
  const message = `run pod sandbox: rpc error: ${notReady}`;
  const seen = (...texts: string[]): string[] =>
    rowsOf(
      { ...network, detail: message, evidence: texts.map((text) => ({ title: 'x', text })) },
      { width: 200, rows: 9 },
    ).slice(1, -1);
  const logged = `level=warning msg="no cgroup"\nE1126 failed err="rpc error: ${notReady}"\nlevel=error msg="${message}"`;
  assert.deepEqual(seen(`${logged}\n`, 'berthd listens'), []);
  assert.deepEqual(seen('exec format error\n', 'berthd listens'), ['    exec format error']);
});

test('an opened host has all of it', () => {
  const text = rowsOf(network, { width: 100 }).join('\n');
  assert.match(
    text,
    /^ {3}what it printed\n {4}\{\n[\s\S]*"type": "NetworkReady"\n[\s\S]* {4}\}\n {3}journal of berthd\n {4}berthd listens\n {2}remedy/m,
  );
});
