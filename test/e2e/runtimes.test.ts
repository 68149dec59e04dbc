import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { embeddedHost } from '../harness/embedded.ts';
import { berth, profileFor } from './berth.ts';

test('crun and gVisor run pods beside runc, with addresses of both families', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-runtimes-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const host = await embeddedHost(t);
  const profile = profileFor(
    host,
    folder,
    `  ociRuntimes:
    - { name: runc }
    - { name: crun }
    - { name: runsc, args: [--platform=ptrace, --network=host] }
  cni:
    networks:
      - { name: both, subnets: [10.89.0.0/24, "fd00:89::/64"] }
`,
  );
  const { exitCode, output } = await berth('apply', profile, '--yes');
  assert.equal(exitCode, 0, output);
  assert.match(output, /handler\.crun +.*ran on/);
  assert.match(output, /handler\.runsc +.*ran on 4\./, 'gVisor has a kernel of its own');
  assert.match(output, /redis\.pod-ip .*10\.89\.0\.\d+, fd00:89::/);
  const again = await berth('plan', profile);
  assert.equal(again.exitCode, 0, again.output);
});
