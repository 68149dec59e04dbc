import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test from 'node:test';
import { embeddedHost } from '../harness/embedded.ts';
import { Terminal } from '../harness/terminal.ts';
import { artifactCache, profileFor } from './berth.ts';
import { slowRegistry } from './slow-registry.ts';

const command = resolve(import.meta.dirname, '../../src/cli/berth');

/** A real apply may take so long on a slow machine. */
const patience = 600;

test('an apply on a terminal is watched, opened, resized and summed up; another one is interrupted', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-e2e-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const host = await embeddedHost(t);
  const file = profileFor(host, folder);
  const env = { BERTH_CACHE: artifactCache, XDG_STATE_HOME: join(folder, 'state') };
  const apply = (...options: readonly string[]): Promise<Terminal> =>
    Terminal.start(t, [command, 'apply', file, ...options], { columns: 100, rows: 30, env, cwd: folder });

  await t.test('from the plan to the proof', async () => {
    const terminal = await apply();
    await terminal.shows(/Apply these changes\? \[y\/N\]/, patience);
    assert.equal(await terminal.isAlternate(), false);
    await terminal.press('y', 'Enter');
    await terminal.shows(/▸ apply[\s\S]*\d+ of \d+ changes/, patience);
    await terminal.press('c', 'Enter', 'l');
    await terminal.shows(/node {2}↑↓ scroll/);
    await terminal.press('g');
    await terminal.shows(/▸ connect[\s\S]*▸ apply: \d+ steps\n.*\$ .*apt-get/, patience);
    await terminal.resize(60, 16);
    await terminal.shows(/\nnode {2}↑↓ scroll[^\n]*$/);
    await terminal.press('q');
    const list = await terminal.shows(/› node.*▸ (apply|verify)[\s\S]*↑↓ choose/, patience);
    assert.equal(list.split('\n').length, 15, list);
    await terminal.resize(100, 30);
    await terminal.shows(/of \d[\d.]* MiB|▸ verify/, patience);
    await terminal.shows(/▸ verify[\s\S]*\d+ checks/, patience);
    await terminal.shows(/ended 0/, patience);
    const left = await terminal.scrollback();
    assert.match(
      left,
      /Plan: [\s\S]*\[y\/N\] y\n[\s\S]*node {2}✓ connect .*✓ apply .*✓ verify .* checks green\n[\s\S]*redis\.nothing-left[\s\S]*crictl has proven it\.\nended 0/,
    );
    assert.doesNotMatch(left, /↑↓|▸/);
  });

  await t.test(
    'a pull straight from a registry shows its bytes, and checks beside each other their commands',
    async () => {
      await using registry = await slowRegistry(`${host.address.network}.1`);
      const image = `${registry.host}/crio/redis:alpine`;
      // Read at once: no restart, which an apply would be.
      await host.output(`crictl rmi --all; printf '[[registry]]\\nlocation = "${registry.host}"\\ninsecure = true\\n' \
      >/etc/containers/registries.conf.d/99-slow.conf; systemctl reload berthd`);
      const profile = join(folder, 'from-registry.yaml');
      const text = readFileSync(file, 'utf8');
      const from = 'image: localhost:5000/crio/redis:alpine, imageSource: embedded';
      assert.ok(text.includes(from));
      writeFileSync(profile, text.replace(from, `image: "${image}", imageSource: registry`));
      const terminal = await Terminal.start(t, [command, 'verify', profile], {
        columns: 100,
        rows: 30,
        env,
        cwd: folder,
      });
      const shown = /█░* (\d[\d.]* (?:KiB|MiB) of|\d[\d.]* of) \d[\d.]* MiB {2}redis\.pull/;
      await terminal.shows(shown, patience);
      await terminal.press('c');
      await terminal.shows(new RegExp(`\\$ crictl --timeout 180s pull ${image}`));
      registry.hurry();
      await terminal.shows(/\$ crictl (exec|attach|logs|runp|create|start) /, patience);
      await terminal.shows(/ended \d+/, patience);
      assert.match(await terminal.scrollback(), / ✓ redis\.pull /);
      await host.output('rm /etc/containers/registries.conf.d/99-slow.conf; systemctl reload berthd');
    },
  );

  await t.test('with Ctrl-C the step at work is finished, and that is said', async () => {
    const profile = readFileSync(file, 'utf8');
    writeFileSync(file, profile.replace('spec:\n', 'spec:\n  packages: { extra: [jq, tree] }\n'));
    const terminal = await apply('--yes');
    await terminal.shows(/▸ apply[\s\S]*install/, patience);
    await terminal.press('C-c');
    await terminal.shows(/ended 130/, patience);
    const left = await terminal.scrollback();
    assert.match(left, /SIGINT: finishing or undoing the step at work; a second one ends berth at once/);
    assert.match(left, /berth: interrupted by SIGINT/);
    assert.equal((await host.run('dpkg-query -W jq')).exitCode, 0, 'the installation at work was finished');
  });
});
