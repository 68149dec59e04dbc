import assert from 'node:assert/strict';
import test from 'node:test';
import type { Event } from '../../../src/core/events.ts';
import { announcing } from '../../../src/flows/announce.ts';
import type { Change } from '../../../src/resources/change.ts';

const change = (id: string, action: Change['action'], steps: Change['steps'], reason?: string): Change => ({
  id,
  action,
  summary: `${action} ${id}`,
  steps,
  ...(reason === undefined ? {} : { reason }),
});

test('before a change that takes something away begins, it is said what goes; of others nothing is', () => {
  const changes = [
    change('a', 'create', [{ kind: 'write', path: '/a', content: { kind: 'text', text: '' }, mode: 0o644 }]),
    change('b', 'delete', [{ kind: 'delete', path: '/b' }]),
    change('c', 'delete', [{ kind: 'delete', path: '/c', recursive: true }]),
    change(
      'd',
      'remove',
      [{ kind: 'run', argv: ['dpkg', '--purge', 'x'], deadlineSeconds: 1 }],
      'nobody needs it',
    ),
    change('e', 'restart', [{ kind: 'run', argv: ['systemctl', 'restart', 'e'], deadlineSeconds: 1 }]),
  ];
  const told: string[] = [];
  const emit = announcing(
    (event: Event) => void told.push(event.kind === 'note' ? event.message : event.kind),
    { host: 'node', changes, notes: [] },
  );
  for (const { id } of changes) emit({ kind: 'step-started', host: 'node', phase: 'apply', id, title: id });
  assert.deepEqual(told, [
    'step-started',
    'about to delete /b',
    'step-started',
    'about to delete /c with all that is in it',
    'step-started',
    'about to remove d (nobody needs it)',
    'step-started',
    'step-started',
  ]);
});
