import assert from 'node:assert/strict';
import type { Event } from '../../../../src/core/events.ts';
import { Fail, type FailCode } from '../../../../src/core/fail.ts';
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

export type Answer = { readonly when: RegExp; readonly says?: string; readonly fails?: string };

const told = { exitCode: 0, signal: undefined, stderr: '' } as const;

class RecordedHost {
  readonly asked: string[];
  readonly #answers: readonly Answer[];
  readonly #name: string;
  readonly #bare: boolean;

  constructor(name: string, asked: string[], answers: readonly Answer[], bare: boolean) {
    this.#name = name;
    this.asked = asked;
    this.#answers = answers;
    this.#bare = bare;
  }

  connection(): Connection {
    const refuse = () => assert.fail(`${this.#name} was asked for something else`);
    return {
      host: this.#name,
      address: this.#name,
      sh: async (script): Promise<ExecResult> => {
        const command = script.replace(/^PATH=\S+; export PATH; exec /, '').replaceAll("'", '');
        if (command === 'uname -n') return { ...told, stdout: `${this.#name}\n` };
        if (/^sh -c .* \/etc\/kubernetes\/admin\.conf$/.test(command))
          return { ...told, stdout: this.#bare ? '' : 'yes\n' };
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

const profileOf = (drain: string, more: readonly string[]): Profile =>
  parseProfile(
    `hosts:
  - { name: c1, ssh: { host: 192.0.2.1 }, spec: { kubernetes: { role: control-plane } } }
  - { name: w1, ssh: { host: 192.0.2.2 }, spec: { kubernetes: { role: worker }, cni: { networks: [{ name: n, subnets: [10.89.0.0/24] }] } } }
  - { name: w2, ssh: { host: 192.0.2.3 }, spec: { kubernetes: { role: worker }, cni: { networks: [{ name: n, subnets: [10.90.0.0/24] }] } } }
${more.map((host) => `  - ${host}\n`).join('')}spec: { kubernetes: { drain: ${drain}, init: { controlPlaneEndpoint: "api.example:6443" } } }
`,
    'fleet.yaml',
  );

export const upgrade: Change = {
  id: 'file:/usr/local/bin/kubelet',
  action: 'update',
  summary: '',
  steps: [],
};
export const mirror: Change = { id: 'file:/etc/x', action: 'update', summary: '', steps: [] };
export const parting: Change = { id: 'cluster', action: 'remove', summary: '', steps: [] };

/** A second control plane, of the cluster that it joins where it says one. */
export const secondPlane = (kubernetes = ''): string =>
  `{ name: c2, ssh: { host: 192.0.2.4 }, spec: { kubernetes: { role: control-plane${kubernetes} }, cni: { networks: [{ name: n, subnets: [10.91.0.0/24] }] } } }`;

const joining = (endpoint: string): string =>
  `, join: { endpoint: "${endpoint}", token: { env: T }, certificateKey: { env: K }, caCertHashes: ["sha256:${'0'.repeat(64)}"] }`;
export const otherCluster = joining('other.example:6443');
/** That of the profile, by the name that stands for its control planes. */
export const sameCluster = joining('api.example:6443');

/** A Node object. */
export const node = ({ unschedulable = false, machineID = '' } = {}): string =>
  JSON.stringify({ spec: { unschedulable }, status: { conditions: [], nodeInfo: { machineID } } });
export const well: readonly Answer[] = [
  { when: / get node /, says: node() },
  { when: / drain / },
  { when: / uncordon / },
];

interface SceneOptions {
  readonly drain?: string;
  readonly change?: Change;
  /** Names of the hosts of the run. */
  readonly run?: readonly string[];
  /** More hosts of the profile. */
  readonly more?: readonly string[];
  /** Hosts that cannot be reached, and as what that is told. */
  readonly lost?: Readonly<Record<string, FailCode>>;
  /** Control planes that are in no cluster. */
  readonly bare?: readonly string[];
  /** Hosts that have left their cluster, though something of berth is still on them. */
  readonly parted?: readonly string[];
  /** Hosts that were never in one. */
  readonly single?: readonly string[];
}

export const scene = (answers: readonly Answer[], options: SceneOptions = {}) => {
  const { drain = '{}', change = upgrade, run = ['c1', 'w1', 'w2'], more = [], lost = {} } = options;
  const { bare = [], parted = [], single = [] } = options;
  const profile = profileOf(drain, more);
  const [c1, w1, w2] = profile.hosts;
  assert.ok(c1 && w1 && w2);
  const asked: string[] = [];
  const events: Event[] = [];
  const member = { text: 'x', mode: '600' };
  const joined = { kind: 'undo', name: 'kubernetes:member', script: 'true' } as const;
  const surveyedAs = ({ name, spec }: HostEntry): Surveyed => ({
    connection: new RecordedHost(name, asked, answers, bare.includes(name)).connection(),
    facts: factsOf({
      origins: single.includes(name) ? [] : [joined],
      files: {
        ...([...parted, ...single].includes(name) ? {} : { '/etc/kubernetes/kubelet.conf': member }),
        ...(spec.kubernetes?.role === 'control-plane'
          ? { '/etc/kubernetes/manifests/kube-apiserver.yaml': member }
          : {}),
      },
    }),
    plan: { host: name, changes: [change], notes: [] },
  });
  const surveyed = new Map(profile.hosts.map((host) => [host.name, surveyedAs(host)]));
  const context: FlowContext = {
    profile,
    hosts: profile.hosts.filter(({ name }) => run.includes(name)),
    connect: async ({ name }) => {
      const code = lost[name];
      if (code !== undefined) throw new Fail(code, `${name}: no answer`);
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
  const warnings = () =>
    events.flatMap((event) => (event.kind === 'note' && event.level === 'warn' ? [event.message] : []));
  const notes = () => events.flatMap((event) => (event.kind === 'note' ? [event.message] : []));
  return {
    hosts: { c1, w1, w2 },
    asked,
    notes,
    warnings,
    context,
    survey: async ({ name }: HostEntry): Promise<Surveyed> => surveyed.get(name) ?? assert.fail(name),
    changing: doing('change'),
    leaving: doing('leave'),
    made,
  };
};

export const drainWords = '--ignore-daemonsets --delete-emptydir-data --timeout=300s';
