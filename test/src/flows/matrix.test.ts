import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before, describe } from 'node:test';
import { berth, type Run } from '../../e2e/berth.ts';
import type { Distribution } from '../../harness/distributions.ts';
import { type EmbeddedHost, embeddedHost } from '../../harness/embedded.ts';
import { assertSame, inventoryOf, withoutImage } from '../../harness/inventory.ts';

/** What a distribution needs said of it, and whether a package can come and go on it without a boot. */
interface Column {
  /** YAML below the `spec` of the host. */
  readonly spec?: string;
  /** Before berth: what an operator does there, or who builds the image. */
  readonly prepare?: string;
  readonly imageBased?: true;
}

const columns = {
  debian: {},
  ubuntu: {},
  fedora: {},
  centos: {},
  rhel8: {},
  // It has neither runc nor CNI plugins of its own; those of Kubernetes are in a repository that is off. crun leaves cgroups to
  // systemd, which in a container on cgroup v1 makes none: here it makes them itself.
  rhel10: {
    spec: 'ociRuntimes: [{ name: crun }]\n      templates: templates',
    prepare: 'sed -i s/^enabled=.*/enabled=1/ /etc/yum.repos.d/kubernetes.repo',
  },
  coreos: { spec: 'packages: { ostree: layer }', imageBased: true },
  bootc: {
    prepare: `mount -o remount,bind,rw /usr
      dnf -y -q install runc containernetworking-plugins socat iptables-nft conntrack-tools > /dev/null 2>&1
      mount -o remount,bind,ro /usr`,
    imageBased: true,
  },
} as const satisfies Record<Distribution, Column>;

const distributions = Object.keys(columns) as Distribution[];
const columnOf = (name: Distribution): Column => columns[name];

/** One event or result of a command with `--json`. */
interface Told {
  readonly kind: string;
  readonly host?: string;
  readonly phase?: string;
  readonly ok?: boolean;
  readonly red?: readonly string[];
  readonly error?: { readonly message: string };
  readonly hosts?: readonly { readonly host: string; readonly connection: { readonly roundTrips: number } }[];
  readonly drifts?: readonly { readonly id: string; readonly kind: string }[];
  readonly plan?: {
    readonly hosts: readonly {
      readonly host: string;
      readonly changes: readonly { readonly id: string; readonly summary: string }[];
    }[];
  };
}

interface Outcome extends Run {
  readonly told: readonly Told[];
}

const registries = '/etc/containers/registries.conf.d/zz-berth.conf';

/** One fleet of all distributions: each command works on all hosts at once, and each host is looked at alone. */
describe('the matrix', () => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-matrix-'));
  const profile = join(folder, 'fleet.yaml');
  const hosts = new Map<Distribution, EmbeddedHost>();
  const inventories = new Map<Distribution, readonly string[]>();
  const releases: (() => Promise<void>)[] = [];

  before(async () => {
    await Promise.all(
      distributions.map(async (base) => {
        const host = await embeddedHost({ after: (release) => releases.push(release) }, { base });
        hosts.set(base, host);
        await host.output(columnOf(base).prepare ?? 'true');
        inventories.set(base, await inventoryOf(host));
      }),
    );
    const dropIns = join(folder, 'templates/etc/crio/crio.conf.d');
    mkdirSync(dropIns, { recursive: true });
    writeFileSync(join(dropIns, '50-cgroups.conf.hbs'), '[crio.runtime]\ncgroup_manager = "cgroupfs"\n');
  });
  after(async () => {
    await Promise.all(releases.map((release) => release()));
    rmSync(folder, { recursive: true, force: true });
  });

  const hostOf = (name: Distribution): EmbeddedHost => {
    const host = hosts.get(name);
    assert.ok(host, `${name} did not boot`);
    return host;
  };

  const onAll = (script: string): Promise<string[]> =>
    Promise.all(distributions.map((name) => hostOf(name).output(script)));

  const run = async (command: string, ...args: string[]): Promise<Outcome> => {
    const { exitCode, output } = await berth(command, profile, '--json', ...args);
    const lines = output.split('\n').filter((line) => !line.includes('"kind":"bytes"'));
    const told = lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Told);
    return { exitCode, output: lines.join('\n'), told };
  };

  const apply = async (level: Level, change?: Change, ...options: string[]): Promise<Outcome> => {
    writeFileSync(profile, fleet(hosts, level, change));
    return await run('apply', '--yes', ...options);
  };

  /** One command for all, how it must exit, and a cell for each distribution. */
  const row = (
    title: string,
    command: () => Promise<Outcome>,
    exitCode: number,
    cell: (name: Distribution, outcome: Outcome) => Promise<void> | void,
  ): void => {
    test(title, async (t) => {
      const outcome = await command();
      for (const name of distributions)
        await t.test(name, () => {
          const failed = outcome.told.filter(({ kind, host }) => kind === 'failed' && host === name);
          assert.deepEqual(
            failed.map(({ error }) => error?.message),
            [],
          );
          return cell(name, outcome);
        });
      assert.equal(outcome.exitCode, exitCode, outcome.output);
    });
  };

  const planned = (name: Distribution, { told }: Outcome): string[] => {
    const plan = told.find(({ kind }) => kind === 'plan')?.plan;
    const host = plan?.hosts.find((each) => each.host === name);
    return host?.changes.map(({ summary }) => summary) ?? [];
  };

  const assertProven = (name: Distribution, { told }: Outcome): void => {
    const verified = told.find(({ kind, host }) => kind === 'verified' && host === name);
    assert.deepEqual({ ok: verified?.ok, red: verified?.red }, { ok: true, red: [] });
  };

  row(
    'an apply makes a bare host a node, and proves it',
    () => apply('node'),
    0,
    async (name, outcome) => {
      assert.notEqual(planned(name, outcome).length, 0);
      assertProven(name, outcome);
      assert.equal(
        (await hostOf(name).output('systemctl is-active berthd berth-shim')).trim(),
        'active\nactive',
      );
    },
  );

  row(
    'a second apply plans nothing, does nothing, restarts nobody, and costs no more than twelve round trips',
    async () => {
      const before = await onAll(still);
      const second = await apply('smoke', undefined, '--stats');
      assert.deepEqual(await onAll(still), before);
      return second;
    },
    0,
    (name, outcome) => {
      assert.deepEqual(planned(name, outcome), []);
      const phases = outcome.told.filter(({ host, phase }) => host === name && phase === 'apply');
      assert.deepEqual(phases, []);
      assert.match(
        outcome.output,
        /Nothing to do: the hosts are as the profile says, and crictl has proven it/,
      );
      const stats = outcome.told.find(({ kind }) => kind === 'stats');
      const trips = stats?.hosts?.find(({ host }) => host === name)?.connection.roundTrips;
      assert.ok(trips !== undefined && trips <= 12, `${trips} round trips`);
      assertProven(name, outcome);
    },
  );

  row(
    'verify proves the node again',
    () => {
      writeFileSync(profile, fleet(hosts));
      return run('verify');
    },
    0,
    assertProven,
  );

  row(
    'drift tells what somebody changed on the host, and nothing else',
    async () => {
      const clean = await run('drift');
      assert.equal(clean.exitCode, 0, clean.output);
      await onAll('echo "# mine" >> /etc/crictl.yaml');
      return await run('drift');
    },
    2,
    (name, { told }) => {
      const drift = told.find(({ kind, host }) => kind === 'drift' && host === name);
      assert.deepEqual(
        drift?.drifts?.map(({ id, kind }) => [id, kind]),
        [['file:/etc/crictl.yaml', 'host']],
      );
    },
  );

  row(
    'a rollback takes back what the last generation did, and proves the node there',
    async () => {
      const mended = await apply('smoke');
      assert.equal(mended.exitCode, 0, mended.output);
      const before = await onAll(`cat ${registries}`);
      const changed = await apply('smoke', { search: 'matrix.example', extra: 'jq' });
      assert.equal(changed.exitCode, 0, changed.output);
      assert.match((await onAll(`cat ${registries}`)).join(), /matrix\.example/);
      writeFileSync(profile, fleet(hosts, 'smoke'));
      const back = await run('rollback', '--yes');
      assert.deepEqual(await onAll(`cat ${registries}`), before);
      return back;
    },
    0,
    async (name, outcome) => {
      assert.match(planned(name, outcome).join(), /zz-berth\.conf/);
      assertProven(name, outcome);
      if (columnOf(name).imageBased) return;
      assert.match(planned(name, outcome).join(), /remove .*jq/);
      assert.notEqual((await hostOf(name).run('command -v jq')).exitCode, 0);
    },
  );

  row(
    'a reset gives the host back as it was',
    () => run('reset', '--yes'),
    0,
    async (name) => {
      // crun leaves an empty /run/crun, which goes with the next boot.
      const kept = (lines: readonly string[]) => lines.filter((line) => line !== 'crun');
      const shown = columnOf(name).imageBased ? withoutImage : kept;
      assertSame(shown(await inventoryOf(hostOf(name))), shown(inventories.get(name) ?? []));
    },
  );
});

/** Who runs, and how often an apply was noted. */
const still = `systemctl show -p MainPID --value berthd berth-shim
  ls /var/lib/berth-install/generations | tail -n 1`;

type Level = 'smoke' | 'node';

interface Change {
  /** A registry that is searched besides. */
  readonly search: string;
  /** A package besides, where packages come and go without a boot. */
  readonly extra: string;
}

const fleet = (
  hosts: ReadonlyMap<Distribution, EmbeddedHost>,
  level: Level = 'node',
  change?: Change,
): string => `hosts:
${[...hosts].map(([name, host]) => hostText(name, host, change)).join('')}spec:
  artifacts: { source: go }
  registries:
    unqualifiedSearch: [${['docker.io', ...(change ? [change.search] : [])].join(', ')}]
    insecure: [localhost:5000]
  verify: { level: ${level}, image: localhost:5000/crio/redis:alpine, imageSource: embedded }
`;

const hostText = (name: Distribution, { ssh }: EmbeddedHost, change: Change | undefined): string => {
  const { spec, imageBased } = columnOf(name);
  const lines = [
    ...(spec === undefined ? [] : [spec]),
    ...(change === undefined || imageBased ? [] : [`packages: { extra: [${change.extra}] }`]),
  ];
  return `  - name: ${name}
    ssh:
      host: ${ssh.host}
      user: ${ssh.user}
      identityFiles: [${ssh.identityFiles.join(', ')}]
      knownHostsFiles: [${ssh.knownHostsFiles.join(', ')}]
    spec: ${lines.length === 0 ? '{}' : lines.map((line) => `\n      ${line}`).join('')}
`;
};
