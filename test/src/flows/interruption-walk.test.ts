import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test from 'node:test';
import { keepConnections } from '../../../src/cli/connections.ts';
import type { Event } from '../../../src/core/events.ts';
import { Fail } from '../../../src/core/fail.ts';
import { applyProfile } from '../../../src/flows/apply.ts';
import type { Connection } from '../../../src/host/transport/connection.ts';
import { loadProfile } from '../../../src/profile/load-profile.ts';
import type { Profile } from '../../../src/profile/profile.ts';
import { berth, profileFor, Running } from '../../e2e/berth.ts';
import { cutter, type Position } from '../../harness/cut-stream.ts';
import { type EmbeddedHost, embeddedHost } from '../../harness/embedded.ts';

const hook = resolve(import.meta.dirname, '../../harness/kill-berth.ts');

/** Everything that an apply makes, as lines: files with modes and contents, packages, units, kernel, berth's memory. */
const stateOf = async (host: EmbeddedHost): Promise<string[]> => {
  const lines = await host.output(`
    cd /
    find etc usr/local usr/lib/berth usr/libexec usr/bin opt -xdev ! -name '*.pyc' ! -name ld.so.cache ! -type d \
      ! -path 'etc/ssh/*' ! -path etc/machine-id -printf '%p %m %U:%G %l\\n' | sort
    find etc usr/local usr/lib/berth usr/libexec usr/bin/berthd -xdev -type f ! -name '*.mjs' ! -name ld.so.cache ! -name '*-' \
      ! -path 'etc/ssh/*' ! -path etc/machine-id ! -path etc/hostname ! -path etc/hosts ! -path etc/resolv.conf -exec sha256sum {} + | sort -k 2
    dpkg-query -W -f '\${Package} \${Version} \${Status}\\n' | sort
    for u in berth-masquerade berth-shim berthd crio; do
      echo $u $(systemctl is-enabled $u) $(systemctl is-active $u)
    done
    systemctl --failed --no-legend
    cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/bridge/bridge-nf-call-iptables
    # A unit file that a run wrote before it was cut off makes an absent unit a disabled one: neither is enabled.
    sed 's/\tdisabled\tinactive$/\t-\tinactive/' /var/lib/berth-install/origin | sort
    cut -f1 /var/lib/berth-install/applied | sort -u
    ls /var/lib/berth-install | grep -xE 'temporary|versions-.*' ; ls /var/lib/berth-install/guard/armed 2>/dev/null
    find / -xdev \\( -name '*.berth-new' -o -name '*.berth-old' \\) 2>/dev/null
    true
  `);
  // Who works on berth meanwhile makes releases of other names, which is nothing of the walk.
  return [...new Set(lines.replace(/0\.1\.0-[0-9a-f]{12}/g, 'RELEASE').split('\n'))];
};

/** Only what differs: the whole lists would hide it. */
const assertSame = (now: readonly string[], wanted: readonly string[]): void =>
  assert.deepEqual(
    {
      added: now.filter((line) => !wanted.includes(line)),
      lost: wanted.filter((line) => !now.includes(line)),
    },
    { added: [], lost: [] },
  );

/** More runs than an apply has changes: a walk that does not get on fails instead of going on for ever. */
const mostRuns = 200;

/** One apply over connections of its own; `wrap` sees each connection first. */
async function applyOnce(
  profile: Profile,
  wrap: (connection: Connection) => Connection,
  signal: AbortSignal,
  emit: (event: Event) => void,
): Promise<Fail | undefined> {
  await using connections = keepConnections({ signal, emit, readSecret: async () => '' });
  const { failures } = await applyProfile(
    {
      profile,
      hosts: profile.hosts,
      connect: async (host) => wrap(await connections.connect(host)),
      reconnect: connections.reconnect,
      emit,
      signal,
      parallel: 1,
      // The shell of the run before keeps the lock until its step has ended.
      lockTimeoutSeconds: 120,
    },
    { confirm: async () => true },
  );
  return failures[0]?.error;
}

interface Walked {
  /** Changes at which a run was cut. */
  readonly visited: ReadonlySet<string>;
  /** Changes that any run began. */
  readonly begun: ReadonlySet<string>;
}

/** Applies again and again, each time cut at the next change, until nothing is left to cut. */
async function walkByCuts(profile: Profile): Promise<Walked> {
  const visited = new Set<string>();
  const begun = new Set<string>();
  const emit = (event: Event): void => {
    if (event.kind === 'step-started' && event.phase === 'apply') begun.add(event.id);
  };
  for (let runs = 0; runs < mostRuns; runs += 1) {
    let cut = false;
    const position: Position = runs % 2 === 0 ? 'before' : 'after';
    const wrap = (connection: Connection): Connection =>
      new Proxy(connection, {
        get(target, key) {
          if (key !== 'spawn') {
            const value: unknown = Reflect.get(target, key, target);
            return typeof value === 'function' ? value.bind(target) : value;
          }
          return async (...args: Parameters<Connection['spawn']>) => {
            const process = await target.spawn(...args);
            const stream = cutter(visited, position, (id) => {
              visited.add(id);
              cut = true;
            });
            const { stdin } = process;
            const write = stdin.write.bind(stdin);
            stdin.write = ((chunk: string | Buffer) => {
              const { pass, cut: now } = stream.take(chunk);
              if (!now) return write(chunk);
              write(pass.length > 0 ? pass : '\n', () => void target.close());
              return false;
            }) as typeof stdin.write;
            return process;
          };
        },
      });
    const error = await applyOnce(profile, wrap, AbortSignal.timeout(300_000), emit);
    if (!cut) {
      assert.equal(error, undefined, error?.message);
      return { visited, begun };
    }
    assert.ok(
      error instanceof Fail && error.code === 'ConnectionLost',
      `${[...visited].at(-1)}: ${error?.message}`,
    );
  }
  throw new Error(`the walk does not end; it was at ${[...visited].join(', ')}`);
}

/** The same by Ctrl-C when a change begins: it is finished, or what is not confirmed is undone. */
async function walkByInterrupts(profile: Profile): Promise<ReadonlySet<string>> {
  const visited = new Set<string>();
  for (let runs = 0; runs < mostRuns; runs += 1) {
    const interrupt = new AbortController();
    let stopped = false;
    const emit = (event: Event) => {
      if (event.kind !== 'step-started' || event.phase !== 'apply' || stopped || visited.has(event.id))
        return;
      visited.add(event.id);
      stopped = true;
      interrupt.abort(new Fail('Cancelled', 'interrupted'));
    };
    const error = await applyOnce(profile, (connection) => connection, interrupt.signal, emit).catch(
      (reason: unknown) => reason,
    );
    if (!stopped) {
      assert.equal(error, undefined);
      return visited;
    }
    // The last change was the last thing to do.
    if (error !== undefined) assert.ok(error instanceof Fail && error.code === 'Cancelled', String(error));
  }
  throw new Error('the walk does not end');
}

/** The real command, killed at each change. */
async function walkByKills(profile: string, folder: string): Promise<ReadonlySet<string>> {
  const file = join(folder, 'visited');
  writeFileSync(file, '');
  for (let runs = 0; runs < mostRuns; runs += 1) {
    const { exitCode, output } = await new Running(['apply', profile, '--yes', '--lock-timeout', '120'], {
      NODE_OPTIONS: `--import=${hook}`,
      BERTH_KILL_VISITED: file,
      BERTH_KILL_POSITION: 'middle',
    }).ended;
    const visited = readFileSync(file, 'utf8').split('\n').filter(Boolean);
    if (exitCode === 0) return new Set(visited);
    assert.match(output, /SIGKILL$/, output);
  }
  throw new Error('the walk does not end');
}

test('wherever an apply is interrupted, the next one arrives at the same state', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'berth-walk-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const spec = '  packages: { extra: [jq] }\n';
  const start = async () => {
    const host = await embeddedHost(t);
    const own = await mkdtemp(join(folder, 'host-'));
    const file = profileFor(host, own, spec);
    writeFileSync(file, readFileSync(file, 'utf8').replace('level: node', 'level: smoke'));
    return { host, file, folder: own };
  };
  const undisturbed = await start();
  // systemd reads by itself the files of units that it has not loaded yet: after a run that ended behind the last of them
  // nobody has to have it read.
  const changes = idsOf((await berth('plan', undisturbed.file, '--json')).output).filter(
    (id) => id !== 'units:reload',
  );
  const made = await berth('apply', undisturbed.file, '--yes');
  assert.equal(made.exitCode, 0, made.output);
  const wanted = await stateOf(undisturbed.host);
  /** None of them was passed by without a run that ended there. */
  const assertWalked = (visited: ReadonlySet<string>, ids: Iterable<string> = changes): void =>
    assert.deepEqual(
      [...ids].filter((id) => !visited.has(id)),
      [],
    );

  await t.test('SIGKILL of berth in the middle of each change', async (t) => {
    const { host, file, folder: own } = await start();
    const kills = await walkByKills(file, own);
    t.diagnostic(`killed at ${kills.size} changes`);
    assertWalked(kills);
    assertSame(await stateOf(host), wanted);
  });

  await t.test('the connection is cut before a change, after the next, and so on', async (t) => {
    const { host, file } = await start();
    const { visited, begun } = await walkByCuts(await loadProfile(file));
    t.diagnostic(`cut at ${visited.size} changes`);
    assertWalked(visited, begun);
    assertWalked(visited);
    assertSame(await stateOf(host), wanted);
  });

  await t.test('Ctrl-C at each change', async (t) => {
    const { host, file } = await start();
    const stops = await walkByInterrupts(await loadProfile(file));
    // The host hears of it while it is at work: it may have done the next changes by then.
    t.diagnostic(`interrupted at ${stops.size} of ${changes.length} changes`);
    assert.notEqual(stops.size, 0);
    assertSame(await stateOf(host), wanted);
  });
});

/** Of `plan --json`. */
const idsOf = (output: string): string[] => {
  const line = output.split('\n').find((text) => text.startsWith('{"kind":"plan"')) ?? '';
  const { plan } = JSON.parse(line) as { plan: { hosts: { changes: { id: string }[] }[] } };
  return plan.hosts.flatMap((host) => host.changes.map(({ id }) => id));
};
