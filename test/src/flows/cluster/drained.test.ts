import assert from 'node:assert/strict';
import test from 'node:test';
import type { Event } from '../../../../src/core/events.ts';
import { Fail } from '../../../../src/core/fail.ts';
import { rolling } from '../../../../src/flows/cluster/drained.ts';
import type { FlowContext } from '../../../../src/flows/context.ts';
import type { Surveyed } from '../../../../src/flows/survey.ts';
import type { Connection, ExecResult } from '../../../../src/host/transport/connection.ts';
import { parseProfile } from '../../../../src/profile/parse-profile.ts';
import type { HostEntry, Profile } from '../../../../src/profile/profile.ts';
import type { Change } from '../../../../src/resources/change.ts';
import { factsOf } from '../../resources/facts.ts';

/*
 * kubectl, as a host would answer: what a test did not tell it is refused. The real one is asked by test/systems.
 */

type Answer = { readonly when: RegExp; readonly says?: string; readonly fails?: string };

const told = { exitCode: 0, signal: undefined, stderr: '' } as const;

class RecordedHost {
  readonly asked: string[];
  readonly #answers: readonly Answer[];
  readonly #name: string;

  constructor(name: string, asked: string[], answers: readonly Answer[]) {
    this.#name = name;
    this.asked = asked;
    this.#answers = answers;
  }

  connection(): Connection {
    const refuse = () => assert.fail(`${this.#name} was asked for something else`);
    return {
      host: this.#name,
      address: this.#name,
      sh: async (script): Promise<ExecResult> => {
        const command = script.replace(/^PATH=\S+; export PATH; exec /, '').replaceAll("'", '');
        if (command === 'uname -n') return { ...told, stdout: `${this.#name}\n` };
        this.asked.push(
          `${this.#name}: ${command.replace('kubectl --kubeconfig /etc/kubernetes/admin.conf ', '')}`,
        );
        const answer = this.#answers.find(({ when }) => when.test(command));
        if (answer === undefined) return assert.fail(`${this.#name} was not told: ${command}`);
        if (answer.fails === undefined) return { ...told, stdout: answer.says ?? '' };
        return { ...told, exitCode: 1, stdout: '', stderr: answer.fails };
      },
      spawn: refuse,
      forwardToLocal: refuse,
      interact: refuse,
      stats: refuse,
      close: async () => {},
    };
  }
}

const profileOf = (drain: string): Profile =>
  parseProfile(
    `hosts:
  - { name: c1, ssh: { host: 192.0.2.1 }, spec: { kubernetes: { role: control-plane } } }
  - { name: w1, ssh: { host: 192.0.2.2 }, spec: { kubernetes: { role: worker }, cni: { networks: [{ name: n, subnets: [10.89.0.0/24] }] } } }
  - { name: w2, ssh: { host: 192.0.2.3 }, spec: { kubernetes: { role: worker }, cni: { networks: [{ name: n, subnets: [10.90.0.0/24] }] } } }
spec: { kubernetes: { drain: ${drain} } }
`,
    'fleet.yaml',
  );

const upgrade: Change = { id: 'file:/usr/local/bin/kubelet', action: 'update', summary: '', steps: [] };
const mirror: Change = { id: 'file:/etc/x', action: 'update', summary: '', steps: [] };
const parting: Change = { id: 'cluster', action: 'remove', summary: '', steps: [] };

const node = (unschedulable = false) =>
  JSON.stringify({ spec: { unschedulable }, status: { conditions: [] } });
const well: readonly Answer[] = [
  { when: / get node /, says: node() },
  { when: / drain / },
  { when: / uncordon / },
];

interface SceneOptions {
  readonly drain?: string;
  readonly change?: Change;
  /** Names of the hosts of the run. */
  readonly run?: readonly string[];
  /** The control plane cannot be reached. */
  readonly lost?: boolean;
}

const scene = (
  answers: readonly Answer[],
  { drain = '{}', change = upgrade, run = ['c1', 'w1', 'w2'], lost = false }: SceneOptions = {},
) => {
  const profile = profileOf(drain);
  const [c1, w1, w2] = profile.hosts;
  assert.ok(c1 && w1 && w2);
  const asked: string[] = [];
  const events: Event[] = [];
  const member = { text: 'x', mode: '600' };
  const surveyedAs = (host: HostEntry, files: Parameters<typeof factsOf>[0]['files']): Surveyed => ({
    connection: new RecordedHost(host.name, asked, answers).connection(),
    facts: factsOf({ files: { '/etc/kubernetes/kubelet.conf': member, ...files } }),
    plan: { host: host.name, changes: [change], notes: [] },
  });
  const surveyed = new Map([
    ['c1', surveyedAs(c1, { '/etc/kubernetes/manifests/kube-apiserver.yaml': member })],
    ['w1', surveyedAs(w1, {})],
    ['w2', surveyedAs(w2, {})],
  ]);
  const context: FlowContext = {
    profile,
    hosts: profile.hosts.filter(({ name }) => run.includes(name)),
    connect: async ({ name }) => {
      if (lost) throw new Fail('Unreachable', `${name}: no answer`);
      return surveyed.get(name)?.connection ?? assert.fail(name);
    },
    reconnect: () => assert.fail('nothing connects again'),
    parallel: 1,
    emit: (event) => events.push(event),
    signal: new AbortController().signal,
  };
  const nodes = rolling(context, new Map([...surveyed].filter(([name]) => run.includes(name))));
  const doing =
    (verb: keyof typeof nodes) =>
    async (host: HostEntry, make: () => Promise<string>): Promise<string> => {
      const found = surveyed.get(host.name);
      assert.ok(found);
      return await nodes[verb](host, found, make);
    };
  const made = (name: string) => async () => {
    asked.push(`change ${name}`);
    return name;
  };
  return { hosts: { c1, w1, w2 }, asked, events, changing: doing('change'), leaving: doing('leave'), made };
};

const drainWords = '--ignore-daemonsets --delete-emptydir-data --timeout=300s';

test('a node is drained, changed, and takes pods again', async () => {
  const { hosts, asked, changing, made } = scene(well);
  assert.equal(await changing(hosts.w1, made('w1')), 'w1');
  assert.deepEqual(asked, [
    'c1: get node w1 --ignore-not-found -o json',
    `c1: drain w1 ${drainWords}`,
    'change w1',
    'c1: uncordon w1',
  ]);
});

test('a node takes pods again when the change failed, and the failure is told', async () => {
  const { hosts, asked, changing } = scene(well);
  const failure = new Fail('CommandFailed', 'w1: kubelet does not start');
  await assert.rejects(
    changing(hosts.w1, () => Promise.reject(failure)),
    (error) => error === failure,
  );
  assert.equal(asked.at(-1), 'c1: uncordon w1');
});

test('a node that was cordoned before stays so', async () => {
  const { hosts, asked, changing, made } = scene([
    { when: / get node /, says: node(true) },
    { when: / drain / },
  ]);
  await changing(hosts.w1, made('w1'));
  assert.equal(asked.at(-1), 'change w1');
});

test('a node that cannot be drained is not changed, and takes pods again', async () => {
  const { hosts, asked, changing, made } = scene([
    { when: / get node /, says: node() },
    { when: / drain /, fails: 'error: Cannot evict pod as it would violate the disruption budget' },
    { when: / uncordon / },
  ]);
  await assert.rejects(
    changing(hosts.w1, made('w1')),
    (error) =>
      error instanceof Fail &&
      /w1: nothing was changed.*disruption budget/.test(error.message) &&
      /PodDisruptionBudget/.test(error.hint ?? ''),
  );
  assert.deepEqual(
    asked.map((each) => each.split(' ')[1]),
    ['get', 'drain', 'uncordon'],
  );
});

test('a change that pods do not notice drains nothing', async () => {
  const { hosts, asked, changing, made } = scene([], { change: mirror });
  await changing(hosts.w1, made('w1'));
  assert.deepEqual(asked, ['change w1']);
});

test('a profile may say that nothing is drained', async () => {
  const { hosts, asked, changing, made } = scene([], { drain: '{ enabled: false }' });
  await changing(hosts.w1, made('w1'));
  assert.deepEqual(asked, ['change w1']);
});

test('nodes go one after the other', async () => {
  const { hosts, asked, changing, made } = scene(well);
  await Promise.all([changing(hosts.w1, made('w1')), changing(hosts.w2, made('w2'))]);
  assert.deepEqual(
    asked.filter((each) => /change|uncordon/.test(each)),
    ['change w1', 'c1: uncordon w1', 'change w2', 'c1: uncordon w2'],
  );
});

test('after a node that failed no other is begun', async () => {
  const { hosts, asked, changing, made } = scene(well);
  const [first, second] = await Promise.allSettled([
    changing(hosts.w1, () => Promise.reject(new Fail('CommandFailed', 'no'))),
    changing(hosts.w2, made('w2')),
  ]);
  assert.equal(first.status, 'rejected');
  assert.ok(
    second.status === 'rejected' && /w2: left as it is, because w1 failed/.test(String(second.reason)),
  );
  assert.ok(!asked.includes('change w2'));
});

test('a node that its cluster does not know is refused', async () => {
  const { hosts, changing, made } = scene([{ when: / get node /, says: '' }]);
  await assert.rejects(
    changing(hosts.w1, made('w1')),
    (error) => error instanceof Fail && error.code === 'HostMoved' && /knows no node w1/.test(error.message),
  );
});

test('a control plane of the profile answers for a node also where it is no part of the run', async () => {
  const { hosts, asked, changing, made } = scene(well, { run: ['w1'] });
  await changing(hosts.w1, made('w1'));
  assert.deepEqual(asked.slice(1), [`c1: drain w1 ${drainWords}`, 'change w1', 'c1: uncordon w1']);
});

test('a node whose control plane cannot be reached is not changed, and the way out is told', async () => {
  for (const verb of ['changing', 'leaving'] as const) {
    const { hosts, asked, made, ...does } = scene(well, {
      run: ['w1'],
      lost: true,
      change: verb === 'leaving' ? parting : upgrade,
    });
    await assert.rejects(
      does[verb](hosts.w1, made('w1')),
      (error) =>
        error instanceof Fail &&
        error.code === 'Unreachable' &&
        /w1: nothing was changed, because its cluster does not answer: c1: no answer/.test(error.message) &&
        /drain\.enabled: false/.test(error.hint ?? ''),
    );
    assert.deepEqual(asked, []);
  }
});

const parted: readonly Answer[] = [...well, { when: / delete node w1 --ignore-not-found$/ }];

test('a node that leaves a cluster that stays is drained first, and forgotten afterwards', async () => {
  const { hosts, asked, leaving, made } = scene(parted, { run: ['w1'], change: parting });
  assert.equal(await leaving(hosts.w1, made('w1')), 'w1');
  assert.deepEqual(asked, [
    'c1: get node w1 --ignore-not-found -o json',
    `c1: drain w1 ${drainWords}`,
    'change w1',
    'c1: delete node w1 --ignore-not-found',
  ]);
});

test('a node that could not leave takes pods again, and stays a node', async () => {
  const { hosts, asked, leaving } = scene(parted, { run: ['w1'], change: parting });
  await assert.rejects(leaving(hosts.w1, () => Promise.reject(new Fail('CommandFailed', 'no'))));
  assert.equal(asked.at(-1), 'c1: uncordon w1');
});

test('a node that has left and is still listed is told with what is left to do', async () => {
  const { hosts, leaving, made } = scene([...well, { when: / delete node /, fails: 'etcd has no leader' }], {
    run: ['w1'],
    change: parting,
  });
  await assert.rejects(
    leaving(hosts.w1, made('w1')),
    (error) =>
      error instanceof Fail &&
      /w1: it has left the cluster, which still lists it as the node w1: .*no leader/.test(error.message) &&
      error.hint === 'On c1: kubectl delete node w1',
  );
});

test('a cluster that goes as a whole, or is no concern of berth, is asked nothing', async () => {
  for (const options of [
    { change: parting },
    { change: parting, run: ['w1'], drain: '{ enabled: false }' },
    { change: mirror, run: ['w1'] },
  ]) {
    const { hosts, asked, leaving, made } = scene([], options);
    await leaving(hosts.w1, made('w1'));
    assert.deepEqual(asked, ['change w1']);
  }
});

test('a node that its cluster has forgotten already just leaves', async () => {
  const { hosts, asked, leaving, made } = scene([{ when: / get node /, says: '' }], {
    run: ['w1'],
    change: parting,
  });
  await leaving(hosts.w1, made('w1'));
  assert.deepEqual(asked.slice(1), ['change w1']);
});
