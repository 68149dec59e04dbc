import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type CarryOutOptions, carryOut } from '../../../../src/host/script/carry-out.ts';
import type { Step, Work } from '../../../../src/host/script/step.ts';
import type { Connection } from '../../../../src/host/transport/connection.ts';
import { openConnection } from '../../../../src/host/transport/open.ts';
import { type EmbeddedHost, embeddedHost } from '../../../harness/embedded.ts';
import { failure } from '../../../harness/failure.ts';

const graceSeconds = 3;

/** Carries out works on the host as an apply does; counts the connections that confirm. */
function installer(host: EmbeddedHost) {
  let reconnections = 0;
  const connect = (signal: AbortSignal): Promise<Connection> =>
    openConnection(
      { name: 'node', address: { kind: 'local' }, sudo: false, sudoPassword: undefined },
      { ...host.ssh, connectTimeoutSeconds: 2 },
      { signal, readSecret: async () => '', emit: () => {} },
    );
  const applyOver = (connection: Connection, works: readonly Work[], changed: Partial<CarryOutOptions>) =>
    carryOut(connection, works, {
      mode: 'apply',
      phase: 'apply',
      space: [],
      emit: () => {},
      signal: AbortSignal.timeout(120_000),
      graceSeconds,
      reconnect: (signal) => {
        reconnections += 1;
        return connect(signal);
      },
      ...changed,
    });
  return {
    connect,
    applyOver,
    reconnections: () => reconnections,
    async apply(works: readonly Work[], changed: Partial<CarryOutOptions> = {}) {
      const connection = await connect(AbortSignal.timeout(60_000));
      try {
        return await applyOver(connection, works, changed);
      } finally {
        await connection.close();
      }
    },
  };
}

const sh = (script: string): Step => ({ kind: 'run', argv: ['sh', '-c', script], deadlineSeconds: 20 });

const write = (path: string, text: string): Step => ({
  kind: 'write',
  path,
  content: { kind: 'text', text },
  mode: 0o644,
});

/** What guards leave while they watch, and must not leave afterwards. */
const tracesOfGuards = (host: EmbeddedHost): Promise<string> =>
  host.output(`
    ls /etc/systemd/system/berth-guard.service /etc/systemd/system/sysinit.target.wants/berth-guard.service 2>/dev/null
    ls /var/lib/berth-install/guard | grep -xE 'armed|firing'
    ls /etc/berth-test 2>/dev/null
    true`);

const outcomesOf = async (host: EmbeddedHost): Promise<string[]> =>
  (await host.output('cut -f1 $(ls -d /var/lib/berth-install/generations/*/ | tail -n 1)outcome')).split(
    '\n',
  );

test('changes that cut the way to a host are undone by the host itself', async (t) => {
  const host = await embeddedHost(t);
  const berth = installer(host);
  const machine = `${host.address.network}.1`;

  await t.test('a harmless one is confirmed over one new connection', async () => {
    const before = berth.reconnections();
    const set: Work = {
      id: 'sysctl',
      summary: 'log martians',
      guarded: true,
      origins: [{ kind: 'sysctl', key: 'net.ipv4.conf.all.log_martians', value: '0' }],
      steps: [sh('echo 1 > /proc/sys/net/ipv4/conf/all/log_martians')],
    };
    const file: Work = {
      id: 'file',
      summary: 'file',
      guarded: true,
      steps: [write('/etc/sysctl.d/t.conf', 'x')],
    };
    const after: Work = { id: 'after', summary: 'after', steps: [write('/etc/after', 'x')] };
    await berth.apply([file, set, after]);
    assert.equal(berth.reconnections() - before, 1);
    await pause((graceSeconds + 1) * 1000);
    assert.equal(await host.output('cat /proc/sys/net/ipv4/conf/all/log_martians /etc/after'), '1\nx');
    assert.equal(await tracesOfGuards(host), '');
    assert.deepEqual(await outcomesOf(host), ['end', '']);
  });

  await t.test(
    'one whose confirmation takes longer than a host waits for a machine that has vanished',
    async () => {
      const file: Work = {
        id: 'file',
        summary: 'file',
        guarded: true,
        steps: [write('/etc/sysctl.d/t.conf', 'slow')],
      };
      await berth.apply([file, { id: 'after', summary: 'after', steps: [write('/etc/after', 'slow')] }], {
        silenceSeconds: 2,
        graceSeconds: 20,
        reconnect: async (signal) => {
          await pause(5000);
          return berth.connect(signal);
        },
      });
      assert.equal(await host.output('cat /etc/sysctl.d/t.conf /etc/after'), 'slowslow');
    },
  );

  await t.test('one that drops all packets: the host answers again, as it was', async () => {
    const cut: Work = {
      id: 'route',
      summary: 'drop what goes to the machine that applies',
      guarded: true,
      origins: [
        { kind: 'undo', name: 'blackhole', argv: ['ip', 'route', 'del', 'blackhole', `${machine}/32`] },
      ],
      steps: [write('/etc/berth-test', 'new'), sh(`ip route add blackhole ${machine}/32`)],
    };
    const never: Work = { id: 'never', summary: 'never', steps: [write('/etc/never', 'x')] };
    const error = await failure(berth.apply([cut, never]));
    assert.equal(error.code, 'RolledBack', error.message);
    assert.match(
      error.message,
      /node: after "drop what goes .*" no new connection came through within 3 seconds/,
    );
    assert.equal(await host.output(`ip route show type blackhole; ls /etc/never 2>/dev/null; true`), '');
    assert.equal(await tracesOfGuards(host), '');
    assert.ok((await outcomesOf(host)).includes('guard'));
  });

  await t.test('one that lets nobody in any more while the old connection lives', async () => {
    const config = '/etc/ssh/sshd_config.d/00-berth-test.conf';
    const deny: Work = {
      id: 'sshd',
      summary: 'let nobody in',
      guarded: true,
      makesStale: ['ssh.service'],
      origins: [{ kind: 'undo', name: 'sshd', argv: ['sh', '-c', `rm -f ${config}; systemctl reload ssh`] }],
      steps: [write(config, 'DenyUsers root\n'), sh('systemctl reload ssh')],
    };
    const error = await failure(berth.apply([deny]));
    assert.equal(error.code, 'RolledBack', error.message);
    assert.equal(await host.output(`ls ${config} 2>/dev/null; true`), '');
    assert.equal(await tracesOfGuards(host), '');
  });

  await t.test('one that fails is undone at once', async () => {
    const half: Work = {
      id: 'half',
      summary: 'half',
      guarded: true,
      steps: [write('/etc/berth-test', 'new'), sh('exit 3')],
    };
    const error = await failure(berth.apply([half]));
    assert.equal(error.code, 'CommandFailed', error.message);
    assert.equal(await tracesOfGuards(host), '');
  });

  await t.test('one that is interrupted is undone at once', async () => {
    const cancel = new AbortController();
    const first: Work = {
      id: 'first',
      summary: 'first',
      guarded: true,
      steps: [write('/etc/berth-test', 'new'), sh('sleep 1')],
    };
    const second: Work = { id: 'second', summary: 'second', guarded: true, steps: [sh('true')] };
    const error = await failure(
      berth.apply([first, second], {
        signal: cancel.signal,
        emit: (event) => event.kind === 'step-started' && cancel.abort(),
      }),
    );
    assert.equal(error.code, 'Cancelled', error.message);
    assert.equal(await tracesOfGuards(host), '');
  });

  await t.test('one that is interrupted while it waits for its confirmation is undone at once', async () => {
    const cancel = new AbortController();
    const error = await failure(
      berth.apply([unconfirmed], {
        graceSeconds: 600,
        signal: cancel.signal,
        reconnect: async () => {
          cancel.abort();
          throw new Error('no way');
        },
      }),
    );
    assert.equal(error.code, 'Cancelled', error.message);
    assert.equal(await tracesOfGuards(host), '');
  });

  await t.test(
    'the next apply comes over a new connection, confirms what is there, and goes on',
    async () => {
      await leaveUnconfirmed(berth);
      assert.match(await tracesOfGuards(host), /armed/);
      await berth.apply([{ id: 'other', summary: 'other', steps: [write('/etc/other', 'x')] }]);
      assert.equal(await host.output('cat /etc/berth-test /etc/other; rm /etc/berth-test'), 'newx');
      assert.equal(await tracesOfGuards(host), '');
    },
  );

  await t.test(
    'the unit of a guard whose apply was cut off right after its confirmation goes with the next apply',
    async () => {
      await leaveUnconfirmed(berth);
      await host.output('cd /var/lib/berth-install/guard && mv armed confirmed && rm /etc/berth-test');
      assert.match(await tracesOfGuards(host), /berth-guard\.service/);
      await berth.apply([{ id: 'other', summary: 'other', steps: [write('/etc/other', 'y')] }]);
      assert.equal(await tracesOfGuards(host), '');
    },
  );

  await t.test('a guard that is over watches no longer when the next one is armed', async () => {
    await leaveUnconfirmed(berth);
    await host.output('cd /var/lib/berth-install/guard && mv armed confirmed && rm /etc/berth-test');
    const guards: string[] = [];
    await berth.apply([unconfirmed], {
      graceSeconds: 600,
      reconnect: async (signal) => {
        guards.push(
          await host.output("systemctl list-units --plain --no-legend 'berth-guard-*' | grep -c ."),
        );
        return await berth.connect(signal);
      },
    });
    assert.deepEqual(guards, ['1\n']);
    await host.output('rm /etc/berth-test');
  });

  await t.test(
    'while a guard undoes its change nobody else is at work, and its end is waited for',
    async () => {
      const slow = 'while [ ! -e /run/go-on ]; do sleep 0.2; done';
      const held: Work = {
        ...unconfirmed,
        origins: [{ kind: 'undo', name: 'slow', argv: ['sh', '-c', slow] }],
      };
      const gone = new AbortController();
      const undone = failure(
        berth.apply([held], {
          graceSeconds: 1,
          reconnect: () => Promise.reject(new Error('no way')),
          signal: gone.signal,
        }),
      );
      await host.output(
        'for i in $(seq 200); do [ -e /var/lib/berth-install/guard/firing ] && break; sleep 0.1; done',
      );
      const other: Work = { id: 'other', summary: 'other', steps: [write('/etc/berth-test', 'x')] };
      const error = await failure(berth.apply([other]));
      assert.equal(error.code, 'Locked', error.message);
      assert.match(error.message, /the guard that undoes an unconfirmed change, by \S+ since/);
      const waiting = berth.apply([other], { lockTimeoutSeconds: 30 });
      await pause(1500);
      await host.output(': > /run/go-on');
      await waiting;
      assert.equal(await host.output('cat /etc/berth-test; rm /etc/berth-test'), 'x');
      gone.abort();
      await undone;
    },
  );

  await t.test('a host that is started again before that comes up as it was', async () => {
    await leaveUnconfirmed(berth);
    const boot = await host.output(bootOf);
    await host.run('systemctl reboot');
    await untilBootedAnew(host, boot);
    assert.equal(await tracesOfGuards(host), '');
    assert.match(await host.output('cat /var/lib/berth-install/guard/restored'), /started again/);
    await berth.apply([{ id: 'again', summary: 'again', steps: [write('/etc/again', 'x')] }]);
  });
});

const unconfirmed: Work = {
  id: 'unconfirmed',
  summary: 'unconfirmed',
  guarded: true,
  steps: [write('/etc/berth-test', 'new')],
};

/** The installer is gone before it could confirm; its guard has long to wait. */
async function leaveUnconfirmed(berth: ReturnType<typeof installer>): Promise<void> {
  const cancel = new AbortController();
  const connection = await berth.connect(AbortSignal.timeout(60_000));
  await failure(
    berth.applyOver(connection, [unconfirmed], {
      graceSeconds: 600,
      signal: cancel.signal,
      reconnect: async () => {
        await connection.close();
        cancel.abort();
        throw new Error('gone');
      },
    }),
  );
}

/** `boot` is what `bootOf` said before. */
async function untilBootedAnew(host: EmbeddedHost, boot: string): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const { stdout } = await host.run(`${bootOf}; systemctl is-system-running`);
    if (!stdout.startsWith(boot) && /running|degraded/.test(stdout)) return;
    await pause(300);
  }
  throw new Error('the host does not come back');
}

/** Changes with each start of the host: the kernel's own boot_id is that of the machine around it. */
const bootOf = 'systemctl show -p UserspaceTimestampMonotonic --value';
