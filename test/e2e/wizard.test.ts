import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test from 'node:test';
import { embeddedHost } from '../harness/embedded.ts';
import { Terminal } from '../harness/terminal.ts';
import { artifactCache, Running } from './berth.ts';

const berth = resolve(import.meta.dirname, '../../src/cli/berth');

/** The longest that an apply and its proof may take on a slow machine. */
const patience = 600;

test('berth, and nothing else, leads from nothing to a host that crictl has proven', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-wizard-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const host = await embeddedHost(t);
  const terminal = await Terminal.start(t, [berth], {
    columns: 100,
    rows: 30,
    cwd: folder,
    env: { BERTH_CACHE: artifactCache },
  });
  const type = async (text: string): Promise<void> => {
    await terminal.press('-l', text);
  };

  await t.test('a host is typed, opened, and gets its key', async () => {
    await terminal.shows(/No hosts yet/);
    await type(`node=root@${host.ssh.host}`);
    await terminal.press('Enter');
    await terminal.shows(/one host added/);
    await terminal.press('Up', 'Enter');
    await terminal.shows(/One host/);
    await terminal.press('Down', 'Down', 'Down', 'Down');
    await type(host.ssh.identityFiles[0] ?? '');
    await terminal.press('Down', 'Down');
    await type(join(folder, 'known_hosts'));
    await terminal.shows(/│ +knownHostsFiles:|┃ +knownHostsFiles:/);
    await terminal.press('Escape');
    await terminal.shows(/Where are the hosts\?/);
  });

  await t.test('its key is unknown, is compared and accepted, and then it answers', async () => {
    await terminal.press('C-n');
    const asked = await terminal.shows(/1 did not/);
    const fingerprint = (await host.output('ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub')).split(' ')[1];
    assert.ok(
      asked
        .replace(/\s*│.*$/gm, '')
        .replace(/\s+/g, '')
        .includes(fingerprint ?? '?'),
      asked,
    );
    await terminal.press('Down', 'Down');
    await terminal.shows(/› ▸ Accept the key/);
    await terminal.press('Enter');
    const met = await terminal.shows(/1 of 1 answered/);
    assert.match(met, /✓ node: Debian GNU\/Linux 12/);
    assert.match(readFileSync(join(folder, 'known_hosts'), 'utf8'), /^10\.\d+\.\d+\.2 ssh-ed25519 /);
  });

  await t.test('what runs, in a range that is free, with an image that needs no registry', async () => {
    await terminal.press('C-n');
    await terminal.shows(/● berth +○ cri-o/);
    await terminal.press('C-n');
    await terminal.shows(/✓ No route of a host that was met is in the way/);
    await terminal.press('C-n');
    await terminal.shows(/Where do images come from\?/);
    await terminal.press('Down', 'Down', 'Down', 'Down', 'Right');
    await terminal.shows(/┃ +imageSource: embedded/);
    await terminal.press('C-n');
    await terminal.shows(/Kubernetes, or not\?/);
    await terminal.press('C-n');
    await terminal.shows(/Is this right\?/);
  });

  await t.test('the profile is written, the plan is shown, and nothing happens before a yes', async () => {
    await terminal.press('Enter');
    await terminal.shows(/Apply these changes\? \[y\/N\]/, patience);
    const shown = await terminal.scrollback();
    assert.match(shown, /Wrote berth\.yaml: \d+ lines/);
    assert.match(shown, /The same without questions:\n {2}\S*berth apply berth\.yaml --yes/);
    assert.match(shown, /\+cgroup_manager = "systemd"/);
    assert.equal(await host.output('ls /usr/lib/berth 2>/dev/null; true'), '');
    const text = readFileSync(join(folder, 'berth.yaml'), 'utf8');
    assert.match(text, /^# A profile of berth, begun by berth init/);
    assert.match(text, / {2}# What starts the containers/);
  });

  await t.test('the host is changed and proven', async () => {
    await terminal.press('y', 'Enter');
    await terminal.shows(/^ended 0$/m, patience);
    const shown = await terminal.scrollback();
    assert.match(shown, /and crictl has proven it/);
    assert.doesNotMatch(shown, /✗/);
    assert.match(await host.output('crictl version'), /RuntimeName: +berth/);
  });

  await t.test('the command that was printed does the same, without a question', async () => {
    const run = new Running(['apply', join(folder, 'berth.yaml'), '--yes']);
    const { exitCode, output } = await run.ended;
    assert.equal(exitCode, 0, output);
    assert.match(output, /and crictl has proven it/);
  });
});
