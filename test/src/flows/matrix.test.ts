import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before, describe } from 'node:test';
import { berth, type Run } from '../../e2e/berth.ts';
import type { Distribution } from '../../harness/distributions.ts';
import { type EmbeddedHost, embeddedHost } from '../../harness/embedded.ts';
import { assertSame, inventoryOf } from '../../harness/inventory.ts';

const distributions = ['debian', 'ubuntu', 'fedora', 'centos'] as const satisfies readonly Distribution[];

/** One event or result of a command with `--json`. */
interface Told {
  readonly kind: string;
  readonly host?: string;
  readonly ok?: boolean;
  readonly red?: readonly string[];
  readonly error?: { readonly message: string };
  readonly drifts?: readonly unknown[];
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
        inventories.set(base, await inventoryOf(host));
      }),
    );
    writeFileSync(profile, fleet(hosts));
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

  const run = async (command: string, ...args: string[]): Promise<Outcome> => {
    const { exitCode, output } = await berth(command, profile, '--json', ...args);
    const told = output.split('\n').filter((line) => line.startsWith('{'));
    return { exitCode, output, told: told.map((line) => JSON.parse(line) as Told) };
  };

  /** One command for all, and a cell for each distribution. */
  const row = (
    title: string,
    command: () => Promise<Outcome>,
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
      assert.ok([0, 2].includes(outcome.exitCode), outcome.output);
    });
  };

  const planned = (name: Distribution, { told }: Outcome): string[] => {
    const plan = told.find(({ kind }) => kind === 'plan')?.plan;
    const host = plan?.hosts.find((each) => each.host === name);
    assert.ok(host, 'the host is not in the plan');
    return host.changes.map(({ summary }) => summary);
  };

  const assertProven = (name: Distribution, { told }: Outcome): void => {
    const verified = told.find(({ kind, host }) => kind === 'verified' && host === name);
    assert.deepEqual({ ok: verified?.ok, red: verified?.red }, { ok: true, red: [] });
  };

  row(
    'an apply makes a bare host a node, and proves it',
    () => run('apply', '--yes'),
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
    'a second apply plans nothing',
    () => run('plan'),
    (name, outcome) => {
      assert.deepEqual(planned(name, outcome), []);
    },
  );

  row('verify proves the node again', () => run('verify'), assertProven);

  row(
    'drift tells what somebody changed on the host, and nothing else',
    async () => {
      const clean = await run('drift');
      assert.equal(clean.exitCode, 0, clean.output);
      await Promise.all(
        distributions.map((name) => hostOf(name).output('echo "# mine" >> /etc/crictl.yaml')),
      );
      const drifted = await run('drift');
      const mended = await run('apply', '--yes', '--tags', 'crictl');
      assert.equal(mended.exitCode, 0, mended.output);
      return drifted;
    },
    (name, { told }) => {
      const drift = told.find(({ kind, host }) => kind === 'drift' && host === name);
      assert.match(JSON.stringify(drift), /\/etc\/crictl\.yaml/);
      assert.equal(drift?.drifts?.length, 1);
    },
  );

  row(
    'a rollback goes back to the last generation',
    async () => {
      writeFileSync(profile, fleet(hosts, 'smoke', '  packages: { extra: [jq] }\n'));
      const changed = await run('apply', '--yes');
      assert.equal(changed.exitCode, 0, changed.output);
      writeFileSync(profile, fleet(hosts, 'smoke'));
      return run('rollback', '--yes');
    },
    async (name, outcome) => {
      assert.match(planned(name, outcome).join(), /remove .*jq/);
      assert.notEqual((await hostOf(name).run('command -v jq')).exitCode, 0);
    },
  );

  row(
    'a reset gives the host back as it was',
    () => run('reset', '--yes'),
    async (name) => {
      assertSame(await inventoryOf(hostOf(name)), inventories.get(name) ?? []);
    },
  );
});

const fleet = (
  hosts: ReadonlyMap<Distribution, EmbeddedHost>,
  level: 'smoke' | 'node' = 'node',
  spec = '',
): string => `hosts:
${[...hosts]
  .map(
    ([name, { ssh }]) => `  - name: ${name}
    ssh:
      host: ${ssh.host}
      user: ${ssh.user}
      identityFiles: [${ssh.identityFiles.join(', ')}]
      knownHostsFiles: [${ssh.knownHostsFiles.join(', ')}]
`,
  )
  .join('')}spec:
  artifacts: { source: go }
  registries: { insecure: [localhost:5000] }
  verify: { level: ${level}, image: localhost:5000/crio/redis:alpine, imageSource: embedded }
${spec}`;
