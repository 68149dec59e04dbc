import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { loadConfig } from '../../../runtime/config/load.ts';
import { readRegistries } from '../../../runtime/config/registries.ts';
import { parseToml } from '../../../runtime/config/toml-file.ts';
import { Fail } from '../../../runtime/core/fail.ts';
import { mutationsOf } from './mutations.ts';

const CRIO = `[crio.api]
listen = "/run/a.sock" # comment
stream_port = "0"
[crio.runtime]
default_runtime = "sh"
default_ulimits = ["nofile=1:2", "core=0"]
pids_limit = -1
[crio.runtime.runtimes."sh"]
runtime_path = "/bin/sh"
[crio.network]
plugin_dirs = [
  "/opt/cni/bin",
]
`;
const REGISTRIES = `unqualified-search-registries = ["docker.io"]
[[registry]]
prefix = "*.example.com"
location = "example.com"
[[registry.mirror]]
location = "127.0.0.1:5000"
insecure = true
[aliases]
"redis" = "docker.io/library/redis"
`;

/** Counts what was accepted and refused; anything but a Fail with a place ends the test. */
const accepts = async (work: () => unknown, mutant: string, file: string): Promise<boolean> => {
  try {
    await work();
    return true;
  } catch (error) {
    assert.ok(error instanceof Fail, `${String(error)}\n${mutant}`);
    assert.ok(
      error.message.includes(file) ||
        error.message.startsWith('no OCI runtime') ||
        error.message.startsWith('crio.runtime'),
      error.message,
    );
    assert.doesNotMatch(error.message, /\n/);
    return false;
  }
};

test('whatever crio.conf says, it is read or refused with its place', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-hostile-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'crio.conf');
  const policyFile = join(folder, 'policy.json');
  writeFileSync(policyFile, '{"default":[{"type":"reject"}]}');
  const nowhere = {
    dropInDir: folder.concat('/d'),
    registriesFile: folder.concat('/r'),
    registriesDir: folder.concat('/rd'),
    signaturesDir: folder.concat('/none'),
  };
  let accepted = 0;
  for (const mutant of mutationsOf(CRIO, 1000)) {
    writeFileSync(file, mutant);
    if (await accepts(() => loadConfig({ file, policyFile, ...nowhere, env: {} }), mutant, file))
      accepted += 1;
  }
  assert.ok(accepted > 50 && accepted < 950, `${accepted} of 1000 accepted`);
});

test('whatever registries.conf says, it is read or refused with its place', async () => {
  let accepted = 0;
  for (const mutant of mutationsOf(REGISTRIES, 5000)) {
    if (
      await accepts(() => readRegistries([parseToml('registries.conf', mutant)]), mutant, 'registries.conf')
    )
      accepted += 1;
  }
  assert.ok(accepted > 250 && accepted < 4750, `${accepted} of 5000 accepted`);
});
