import type { Check, Event, Phase } from '../../../../src/core/events.ts';
import { CommandFailed } from '../../../../src/core/fail.ts';
import { afterEvent, type LiveState, startOf } from '../../../../src/faces/live/state.ts';

/** An event and the second at which it happens. */
export type Told = readonly [seconds: number, event: Event];

/** The state after a story, told from the beginning. */
export const stateAfter = (story: readonly Told[], start: LiveState = startOf([])): LiveState =>
  story.reduce((state, [seconds, event]) => afterEvent(state, event, seconds * 1000), start);

export const phase = (host: string, name: Phase, from: number, to: number, failed = false): Told[] => [
  [from, { kind: 'phase-started', host, phase: name }],
  [to, { kind: 'phase-ended', host, phase: name, milliseconds: (to - from) * 1000, failed }],
];

const MiB = 1024 * 1024;

export const looked = (host: string, from = 0): Told[] => [
  ...phase(host, 'connect', from, from + 0.1),
  ...phase(host, 'probe', from + 0.1, from + 0.5),
  ...phase(host, 'prepare', from + 0.5, from + 2.5),
  ...phase(host, 'plan', from + 2.5, from + 2.6),
];

const step = (host: string, id: string, title: string, from: number, to: number): Told[] => [
  [from, { kind: 'step-started', host, phase: 'apply', id, title }],
  [to, { kind: 'step-ended', host, phase: 'apply', id, milliseconds: (to - from) * 1000, failed: false }],
];

/** In the middle of an upload. */
export const uploading = (host: string, from = 3): Told[] => [
  [from, { kind: 'phase-started', host, phase: 'apply', total: 27 }],
  ...step(host, 'package:runc', 'install runc, socat', from, from + 9),
  ...step(host, 'file:/etc/crictl.yaml', 'write /etc/crictl.yaml', from + 9, from + 9.1),
  [from + 9.1, { kind: 'step-started', host, phase: 'apply', id: 'release', title: 'upload berth 0.1.0' }],
  [from + 11, { kind: 'bytes', host, id: 'release', done: 48 * MiB, total: 124 * MiB }],
];

/** In the middle of an installation. */
export const installing = (host: string, from = 3): Told[] => [
  [from, { kind: 'phase-started', host, phase: 'apply', total: 27 }],
  [from, { kind: 'step-started', host, phase: 'apply', id: 'package:runc', title: 'install runc, socat' }],
  [
    from + 0.1,
    {
      kind: 'command',
      host,
      phase: 'apply',
      id: 'package:runc',
      command: 'apt-get install --yes runc socat',
    },
  ],
];

/** Waits for somebody else. */
export const held = (host: string, from = 3): Told[] => [
  ...installing(host, from),
  [
    from + 1,
    { kind: 'note', level: 'info', host, message: 'waiting for the package manager: unattended-upgr (812)' },
  ],
];

const apt = new CommandFailed(
  'node-3: install runc, socat: apt-get install: exit code 100',
  {
    argv: ['apt-get', 'install', '--yes', 'runc', 'socat'],
    exitCode: 100,
    stdout: 'Reading package lists...\nBuilding dependency tree...\n',
    stderr:
      'E: Failed to fetch http://deb.example/runc_1.1.5.deb  404  Not Found\nE: Unable to fetch some archives\n',
  },
  {
    hint: 'the package lists of the host are old: run apt-get update there, and then the same command again',
  },
);

export const failing = (host: string, from = 3): Told[] => [
  [from, { kind: 'phase-started', host, phase: 'apply', total: 27 }],
  [from, { kind: 'step-started', host, phase: 'apply', id: 'package:runc', title: 'install runc, socat' }],
  [
    from + 4,
    {
      kind: 'step-ended',
      host,
      phase: 'apply',
      id: 'package:runc',
      milliseconds: 4000,
      failed: true,
      detail: apt.message,
    },
  ],
  [from + 4, { kind: 'phase-ended', host, phase: 'apply', milliseconds: 4000, failed: true }],
  [from + 4, { kind: 'failed', host, error: apt }],
];

const green = (id: string, title: string, detail: string): Check => ({
  id,
  title,
  grade: 'node',
  ok: true,
  milliseconds: 34,
  detail,
});

export const redPull: Check = {
  id: 'redis.pull',
  title: 'the image is fetched',
  grade: 'node',
  ok: false,
  milliseconds: 1520,
  detail: 'exit status 1: manifest unknown',
  evidence: [
    {
      title: 'what it complained',
      text: 'FATA pulling image: NotFound: registry.example/redis:alpine: manifest unknown',
    },
    {
      title: 'journal of berthd',
      text: 'pull of registry.example/redis:alpine began\nregistry.example: 404 MANIFEST_UNKNOWN',
    },
  ],
  remedy:
    'can the host reach the registry of registry.example/redis:alpine? mirrors and proxies belong in spec.registries',
};

const verifying = (host: string, from: number): Told[] => [
  [from, { kind: 'phase-started', host, phase: 'verify' }],
  [
    from + 1,
    {
      kind: 'checked',
      host,
      check: green('units.berthd', 'runs, starts at boot', 'active (running), enabled'),
    },
  ],
  [from + 1.1, { kind: 'checked', host, check: green('redis.runp', 'a pod starts', '232a22d207b74') }],
  [
    from + 1.2,
    {
      kind: 'command',
      host,
      phase: 'verify',
      id: 'redis.pull',
      command: 'crictl --timeout 180s pull localhost:5000/crio/redis:alpine',
    },
  ],
  [from + 1.5, { kind: 'bytes', host, id: 'redis.pull', done: 4 * MiB, total: 12 * MiB }],
];

export const proving = (host: string, from = 20): Told[] => [
  ...phase(host, 'apply', from - 17, from - 0.5),
  ...verifying(host, from),
];

/** Two lanes of checks beside the walk of a host that is being proven. */
export const beside = (host: string, from = 20): Told[] => {
  const runs = (at: number, id: string, command: string): Told => [
    from + at,
    { kind: 'command', host, phase: 'verify', id, command },
  ];
  return [
    runs(0.6, 'exec.stdin', 'crictl --timeout 110s exec -i 9f86d081884c7 sh'),
    [from + 0.7, { kind: 'command-ended', host, phase: 'verify', id: 'exec.stdin' }],
    runs(0.8, 'exec.tty', 'crictl exec -it 9f86d081884c7 tty'),
    runs(1.9, 'network.pods', 'crictl --timeout 110s runp /run/berth-verify.Ab12Cd/network/client-pod.json'),
  ];
};

export const red = (host: string, from = 20): Told[] => [
  ...proving(host, from),
  [from + 3, { kind: 'checked', host, check: redPull }],
  [
    from + 3.1,
    {
      kind: 'checked',
      host,
      check: {
        ...green('redis.rest', 'the rest of the walk', 'not run: it needs redis.pull'),
        ok: false,
        notRun: true,
      },
    },
  ],
  [from + 3.2, { kind: 'phase-ended', host, phase: 'verify', milliseconds: 3200, failed: true }],
];

/** Looks once more after its changes, is red, goes back, and is proven there. */
export const goingBack = (host: string): Told[] => [
  ...looked(host),
  ...phase(host, 'apply', 3, 9),
  ...looked(host, 9).slice(2),
  ...red(host, 30).slice(2),
  ...phase(host, 'rollback', 34, 36),
  [36, { kind: 'phase-started', host, phase: 'verify' }],
  [37, { kind: 'checked', host, check: green('units.berthd', 'runs, starts at boot', 'active (running)') }],
];

const verified = (host: string, from: number): Told[] => [
  ...verifying(host, from),
  [
    from + 3,
    { kind: 'checked', host, check: green('redis.pull', 'the image is fetched', 'sha256:e9ae28a6d710') },
  ],
  [from + 4, { kind: 'phase-ended', host, phase: 'verify', milliseconds: 4000, failed: false }],
];

export const proven = (host: string, from = 20): Told[] => [
  ...phase(host, 'apply', from - 17, from - 0.5),
  ...verified(host, from),
];

/** The apply that it is at comes to its end, and it is proven. */
export const finishing = (host: string, from = 20): Told[] => [
  [from - 0.5, { kind: 'phase-ended', host, phase: 'apply', milliseconds: 16_500, failed: false }],
  ...verified(host, from),
];

export const started = (hosts: readonly string[]): Told => [
  0,
  { kind: 'run-started', profile: 'fleet.yaml', hosts },
];

export const fleet = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `node-${index + 1}`);

/** Fifty hosts, half a minute into an apply, thirty at a time: one has failed, one has been proven red. */
export const fifty = (): Told[] => {
  const names = fleet(50);
  const [first = '', second = '', third = '', fourth = '', ...others] = names;
  return [
    started(names),
    ...names.flatMap((name) => looked(name)),
    ...failing(third),
    ...uploading(first, 16),
    ...held(second, 16),
    ...phase(fourth, 'apply', 3, 14),
    ...others.slice(0, 12).flatMap((name) => installing(name, 16)),
    ...others.slice(12, 20).flatMap((name) => phase(name, 'apply', 3, 14)),
  ];
};
