import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { embeddedHost } from '../harness/embedded.ts';
import { berth, profileFor } from './berth.ts';

const ownTemplate = (path: string): string =>
  readFileSync(new URL(`../../templates/${path}`, import.meta.url), 'utf8');

interface DriftLine {
  readonly id: string;
  readonly kind: string;
  readonly summary: string;
  readonly diff?: string;
}

test('drift tells who changed what, and the profile can take over what the host has', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-drift-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const host = await embeddedHost(t);
  const templates = join(folder, 'templates');
  mkdirSync(join(templates, 'etc/crio/crio.conf.d'), { recursive: true });
  writeFileSync(
    join(templates, 'etc/crio/crio.conf.d/50-mine.conf.hbs'),
    '[crio.image]\npause_image = {{toml host}}\n',
  );
  // In the place of berth's own.
  writeFileSync(join(templates, 'etc/crictl.yaml.hbs'), `${ownTemplate('etc/crictl.yaml.hbs')}# mine\n`);
  const profile = profileFor(
    host,
    folder,
    `  # how pods are judged
  policy: { default: accept } # for now
  templates: templates
  kernel:
    sysctls:
      # TTL of the test
      net.ipv4.ip_default_ttl: 65 # not 64
  packages: { extra: [bsdextrautils] }
`,
  );
  writeFileSync(profile, readFileSync(profile, 'utf8').replace('level: node', 'level: smoke'));
  const original = readFileSync(profile, 'utf8');
  const exits = async (code: number, ...args: string[]): Promise<string> => {
    const { exitCode, output } = await berth(...args);
    assert.equal(exitCode, code, `berth ${args.join(' ')}\n${output}`);
    return output;
  };
  const drifts = async (code: number, ...args: string[]): Promise<DriftLine[]> => {
    const output = await exits(code, 'drift', profile, '--json', ...args);
    const lines = output
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    return lines.find(({ kind }) => kind === 'drift').drifts;
  };
  const kindsOf = (list: readonly DriftLine[]) => Object.fromEntries(list.map(({ id, kind }) => [id, kind]));

  await t.test('a host that nothing was applied to has only what the profile wants', async () => {
    const list = await drifts(2);
    assert.deepEqual([...new Set(list.map(({ kind }) => kind))], ['profile']);
  });

  await t.test('after an apply, with a template of the user, there is none', async () => {
    await exits(0, 'apply', profile, '--yes');
    assert.equal(
      await host.output(
        'cat /etc/crio/crio.conf.d/50-mine.conf; stat -c %a /etc/crio/crio.conf.d/50-mine.conf',
      ),
      '[crio.image]\npause_image = "node"\n644\n',
    );
    assert.match(await host.output('cat /etc/crictl.yaml'), /^runtime-endpoint: .*\n[\s\S]*\n# mine\n$/m);
    assert.deepEqual(await drifts(0), []);
  });

  await t.test(
    'what somebody changed on the host, what the profile changed, and both are told apart',
    async () => {
      await host.output(`
      sed -i 's/insecureAcceptAnything/reject/' /etc/berth/policy.json
      sed -i 's/65/66/' /etc/sysctl.d/90-berth.conf
      echo 66 > /proc/sys/net/ipv4/ip_default_ttl
      sed -i 's/"docker.io","quay.io"/"quay.io"/' /etc/containers/registries.conf.d/zz-berth.conf
      rm /etc/crictl.yaml`);
      writeFileSync(
        profile,
        original
          .replace('registries: {', 'registries: { unqualifiedSearch: [docker.io],')
          .replace('[bsdextrautils]', '[bsdextrautils, bc]'),
      );
      const list = await drifts(2);
      assert.deepEqual(kindsOf(list), {
        packages: 'profile',
        'file:/etc/berth/policy.json': 'host',
        'file:/etc/sysctl.d/90-berth.conf': 'host',
        'sysctl:net.ipv4.ip_default_ttl': 'host',
        'file:/etc/containers/registries.conf.d/zz-berth.conf': 'conflict',
        'file:/etc/crictl.yaml': 'host',
      });
      const text = await exits(2, 'drift', profile);
      assert.match(text, /conflict: changed on the host, and in the profile too/);
      assert.match(text, /-net\.ipv4\.ip_default_ttl = 66/);
      assert.match(text, /what was applied last:/);
      writeFileSync(profile, original);
    },
  );

  await t.test('files of others that have the last word are told, and those that agree are not', async () => {
    await host.output(`
      printf '[crio.runtime]\\ndefault_runtime = "crun"\\ncgroup_manager = "systemd"\\n' > /etc/crio/crio.conf.d/99-theirs.conf
      echo 'net.ipv4.ip_forward = 0' > /etc/sysctl.d/95-theirs.conf
      echo 'net.ipv4.ip_forward = 0' > /etc/sysctl.d/05-earlier.conf
      mkdir -p /etc/systemd/system/berthd.service.d
      printf '[Service]\\nTasksMax=100\\n' > /etc/systemd/system/berthd.service.d/theirs.conf`);
    const foreign = (await drifts(2)).filter(({ kind }) => kind === 'foreign').map(({ summary }) => summary);
    assert.deepEqual(foreign.toSorted(), [
      '/etc/crio/crio.conf.d/99-theirs.conf has the last word on crio.runtime.default_runtime: "crun" instead of "runc"',
      '/etc/sysctl.d/95-theirs.conf has the last word on net.ipv4.ip_forward: 0 instead of 1',
      '/etc/systemd/system/berthd.service.d/theirs.conf has the last word on Service.TasksMax: 100 instead of infinity',
    ]);
    await host.output(`rm -r /etc/crio/crio.conf.d/99-theirs.conf /etc/sysctl.d/95-theirs.conf /etc/sysctl.d/05-earlier.conf \
      /etc/systemd/system/berthd.service.d; systemctl daemon-reload`);
  });

  await t.test(
    '--adopt --path takes over one file, keeps the comments, and the plan has no more of it',
    async () => {
      assert.match(
        await exits(10, 'drift', profile, '--adopt', '--path', '/etc/berth/policy.jsn'),
        /did you mean \/etc\/berth\/policy\.json/,
      );
      assert.match(
        await exits(10, 'drift', profile, '--path', '/etc/berth/policy.json'),
        /--adopt was not given/,
      );
      await exits(0, 'drift', profile, '--adopt', '--path', '/etc/berth/policy.json');
      assert.equal(readFileSync(profile, 'utf8'), original.replace('default: accept', 'default: reject'));
      assert.doesNotMatch(await exits(2, 'plan', profile), /policy\.json/);
    },
  );

  await t.test('--adopt takes over all that the profile can say, and says what it cannot', async () => {
    const output = await exits(2, 'drift', profile, '--adopt');
    assert.match(output, /not adopted: \/etc\/crictl\.yaml/);
    const adopted = readFileSync(profile, 'utf8');
    assert.match(adopted, / # TTL of the test\n +net\.ipv4\.ip_default_ttl: 66 # not 64\n/);
    assert.match(adopted, /unqualifiedSearch:/);
    assert.match(adopted, /# how pods are judged\n +policy: \{ default: reject \} # for now\n/);
    const planned = await exits(2, 'plan', profile);
    assert.match(planned, /write \/etc\/crictl\.yaml/);
    assert.doesNotMatch(planned, /sysctl|registries|policy/);
    await exits(0, 'apply', profile, '--yes');
    assert.deepEqual(await drifts(0), []);
  });
});
