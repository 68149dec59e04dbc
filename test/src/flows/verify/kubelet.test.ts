import assert from 'node:assert/strict';
import test from 'node:test';
import { kubeletJudges } from '../../../../src/flows/verify/kubelet.ts';
import { verdictOf } from '../../../../src/flows/verify/verdict.ts';
import { parseProfile } from '../../../../src/profile/parse-profile.ts';

const [host] = parseProfile(
  'hosts: [{ name: n, local: {} }]\nspec: { kubernetes: { role: control-plane } }\n',
  'p.yaml',
).hosts;
assert.ok(host);
const judges = new Map(kubeletJudges(host.spec));

const verdict = (id: string, stdout: string, status = 0, stderr = '') => {
  const judge = judges.get(id);
  assert.ok(judge, id);
  return verdictOf({ id, status, milliseconds: 1, stdout, stderr }, judge);
};

test('a host without kubernetes has no check of a kubelet', () => {
  assert.deepEqual(kubeletJudges({ ...host.spec, kubernetes: undefined }), []);
});

test('a kubelet is well when healthz says 200, and not when it says another thing or nothing', () => {
  assert.equal(verdict('kubelet.health', 'HTTP/1.0 200 OK\r\n\r\nok').ok, true);
  const sick = verdict('kubelet.health', 'HTTP/1.0 500 Internal Server Error\r\n\r\nnode not found');
  assert.equal(sick.ok, false);
  assert.match(sick.detail, /500 Internal/);
  assert.equal(verdict('kubelet.health', '').ok, false);
  assert.match(verdict('kubelet.health', '', 1).remedy ?? '', /journalctl -u kubelet/);
});

const agreeing = (driver: string, endpoint: string, runtime: string) =>
  `cgroupDriver=${driver}\ncontainerRuntimeEndpoint=${endpoint}\n${runtime}`;
const socket = 'unix:///var/run/crio/crio.sock';

test('kubelet and runtime agree', () => {
  // As crictl 1.37 prints it.
  for (const driver of ['systemd', 'cgroupfs']) {
    const runtime = `cgroup driver:   ${driver.toUpperCase()}\n`;
    assert.equal(verdict('kubelet.agrees', agreeing(driver, socket, runtime)).ok, true, driver);
  }
});

const disagreements: readonly (readonly [stdout: string, says: RegExp])[] = [
  [
    agreeing('cgroupfs', socket, 'cgroup driver:   SYSTEMD\n'),
    /kubelet has cgroup driver cgroupfs, the runtime systemd/,
  ],
  [agreeing('', socket, 'cgroup driver:   SYSTEMD\n'), /driver unset/],
  [
    agreeing('systemd', 'unix:///run/containerd/containerd.sock', 'cgroup driver:   SYSTEMD\n'),
    /asks unix:\/\/\/run\/containerd/,
  ],
  [agreeing('systemd', socket, 'no driver at all'), /does not tell its cgroup driver/],
];

for (const [stdout, says] of disagreements)
  test(`kubelet and runtime that differ are told: ${says.source}`, () => {
    const { ok, detail } = verdict('kubelet.agrees', stdout);
    assert.equal(ok, false);
    assert.match(detail, says);
  });

const node = (ready: string, version: string) =>
  JSON.stringify({
    metadata: { name: 'n' },
    status: {
      conditions: [{ type: 'Ready', status: ready, message: 'container runtime network not ready' }],
      nodeInfo: { kubeletVersion: version, containerRuntimeVersion: 'berth://0.1.0' },
    },
  });

test('a node is ready with the version of the profile', () => {
  assert.match(
    verdict('kubelet.node', node('True', 'v1.37.2')).detail,
    /n, kubelet v1\.37\.2, berth:\/\/0\.1\.0/,
  );
  assert.match(
    verdict('kubelet.node', node('False', 'v1.37.2')).detail,
    /not ready: container runtime network/,
  );
  assert.match(verdict('kubelet.node', node('True', 'v1.36.0')).detail, /v1\.36\.0, not v1\.37\.2/);
  assert.equal(verdict('kubelet.node', '', 1, 'Unable to connect to the server').ok, false);
});
