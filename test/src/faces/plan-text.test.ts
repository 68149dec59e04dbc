import assert from 'node:assert/strict';
import test from 'node:test';
import { planSummary, planText } from '../../../src/faces/plan-text.ts';
import type { Style } from '../../../src/faces/style.ts';
import type { Change, Plan } from '../../../src/resources/change.ts';

const style: Style = (_format, text) => text;
const change = (
  id: string,
  action: Change['action'],
  summary: string,
  more: Partial<Change> = {},
): Change => ({
  id,
  action,
  summary,
  steps: [],
  ...more,
});

const plan: Plan = {
  version: 1,
  profile: 'fleet.yaml',
  hosts: [
    {
      host: 'node-1',
      changes: [
        change('package:runc', 'install', 'install runc 1.1.5+ds1-1+deb12u1'),
        change('file:/etc/crictl.yaml', 'update', 'change /etc/crictl.yaml', {
          diff: '--- /etc/crictl.yaml\n+++ /etc/crictl.yaml\n@@ -1 +1 @@\n-timeout: 2\n+timeout: 30\n',
        }),
        change('unit:berthd', 'restart', 'restart berthd.service', { reason: 'the unit file changed' }),
        change('file:/etc/cni/net.d/old', 'delete', 'delete /etc/cni/net.d/old'),
      ],
      notes: ['the kernel has no br_netfilter'],
    },
    { host: 'node-2', changes: [], notes: [] },
  ],
};

test('a plan is told by host, with the diffs of files and a summary', () => {
  assert.equal(
    planText(plan, { diffs: true, style }),
    `node-1
  + install runc 1.1.5+ds1-1+deb12u1
  ~ change /etc/crictl.yaml
      --- /etc/crictl.yaml
      +++ /etc/crictl.yaml
      @@ -1 +1 @@
      -timeout: 2
      +timeout: 30
  ~ restart berthd.service (the unit file changed)
  - delete /etc/cni/net.d/old
  ! the kernel has no br_netfilter

node-2
  nothing to do

Plan: 1 to install, 1 to change, 1 to restart, 1 to delete on 1 of 2 hosts.
`,
  );
});

test('without diffs each change is one line', () => {
  assert.doesNotMatch(planText(plan, { diffs: false, style }), /@@/);
});

test('an empty plan says that there is nothing to do', () => {
  assert.equal(planSummary({ ...plan, hosts: [] }), 'nothing to do');
});

test('a file of a host cannot steer the terminal through its diff', () => {
  const host = {
    host: 'a',
    changes: [change('f', 'update', 'change f', { diff: '-\u001b[2Jgone\n+x\n' })],
    notes: [],
  };
  assert.doesNotMatch(planText({ ...plan, hosts: [host] }, { diffs: true, style }), /\u001b/);
});

test('on a narrow terminal lines break between words, and what belongs together stands together', () => {
  const host = {
    host: 'a',
    changes: [
      change('packages', 'install', 'install runc 1.1.5, containernetworking-plugins 1.1.1, socat 1.7.4', {
        reason: 'the lists are old',
        diff: `--- /etc/a\n+++ /etc/a\n+${'x'.repeat(60)}\n`,
      }),
    ],
    notes: ['the kernel belongs to the machine around this host'],
    otherTags: 2,
  };
  assert.equal(
    planText({ ...plan, hosts: [host] }, { diffs: true, style, width: 40 }),
    `a
  + install runc 1.1.5,
      containernetworking-plugins 1.1.1,
      socat 1.7.4 (the lists are old)
      --- /etc/a
      +++ /etc/a
      +${'x'.repeat(60)}
  ! the kernel belongs to the machine
      around this host
  2 changes more under other tags

Plan: 1 to install.
`,
  );
});
