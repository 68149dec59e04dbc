import type { Spec } from '../../profile/profile.ts';
import { readContainerStatus, readPodStatus } from './answers.ts';
import { missingAddresses, outsideRanges } from './pod-range.ts';
import { done, green, type Judge, red, type Verdict } from './verdict.ts';

/** An identifier as people see it elsewhere: crictl shows 13 characters. */
const shortId = (text: string): string => text.trim().slice(0, 13);

const made = (title: string, remedy?: string): Judge => ({
  title,
  judge: ({ stdout }) =>
    /^\S+$/.test(stdout.trim())
      ? green(shortId(stdout))
      : red(`no identifier in the answer: ${stdout.slice(0, 60)}`),
  ...(remedy === undefined ? {} : { remedy }),
});

const inspectTable: Judge = {
  title: 'a table shows the pod',
  judge: ({ stdout }) => {
    const state = /^State:\s*(\S+)/im.exec(stdout)?.[1] ?? /SANDBOX_READY|\bReady\b/.exec(stdout)?.[0];
    if (state === undefined) return red('the table has no state');
    return /ready/i.test(state) && !/not/i.test(state) ? green(state) : red(`the pod is ${state}`);
  },
};

const podAddress = (spec: Spec): Judge => ({
  title: 'address in its network',
  judge: ({ stdout }) => {
    const network = readPodStatus(stdout)?.status.network;
    if (!network || network.ip === '')
      return red('the pod has no address', 'see why with: journalctl -u berthd -n 50');
    const addresses = [network.ip, ...network.additionalIps.map(({ ip }) => ip)];
    return outsideRanges(addresses, spec) ?? missingAddresses(addresses, spec) ?? green(addresses.join(', '));
  },
});

const running: Judge = {
  title: 'the container runs',
  judge: ({ stdout }) => {
    const status = readContainerStatus(stdout)?.status;
    if (!status) return red('the answer is no container status');
    if (status.state === 'CONTAINER_RUNNING') return green(status.state);
    return red(`${status.state}, exit code ${status.exitCode} ${status.reason} ${status.message}`.trim());
  },
};

/** The line of redis 3 and later that tells it is up. */
const readyLine = /.*ready to accept connections.*/i;

const logs: Judge = {
  title: 'redis logs it is ready',
  judge: ({ stdout }) => {
    const line = readyLine.exec(stdout)?.[0];
    return line === undefined ? red('the line is missing') : green(line.replace(/^.*?\*\s*/, '').trim());
  },
  remedy: 'the evidence below is what redis wrote',
};

const redisVersion = (title: string): Judge => ({
  title,
  judge: ({ stdout }) => {
    const version = /v=(\S+)/.exec(stdout)?.[1];
    return version === undefined
      ? red(`unexpected output: ${stdout.slice(0, 60)}`)
      : green(`redis ${version}`);
  },
});

/** Replies of the redis protocol, as lines: https://redis.io/docs/latest/develop/reference/protocol-spec/ */
const replies = (text: string): string[] => text.split('\r\n').filter((line) => line !== '');

const reachRemedy =
  'the host cannot reach the pod: look at the bridge (ip addr), routes (ip route) and the firewall';

const conversation = (title: string, wanted: readonly string[], detail: string): Judge => ({
  title,
  judge: ({ stdout }): Verdict => {
    const seen = replies(stdout);
    const same = wanted.every((line, index) => seen[index] === line);
    return same
      ? green(detail)
      : red(`redis answered ${JSON.stringify(seen.join(' ').slice(0, 80))}`, reachRemedy);
  },
  remedy: reachRemedy,
});

const exitCode: Judge = {
  title: 'redis left with 0',
  judge: ({ stdout }) => {
    const status = readContainerStatus(stdout)?.status;
    if (!status) return red('the answer is no container status');
    if (status.state !== 'CONTAINER_EXITED') return red(status.state);
    return status.exitCode === 0
      ? green(`${status.state}, 0 ${status.reason}`.trim())
      : red(`exit code ${status.exitCode} ${status.reason}`);
  },
};

const nothingLeft: Judge = {
  title: 'no pod, no container',
  judge: ({ stdout }) =>
    stdout.trim() === ''
      ? green('both lists are empty')
      : red(`left: ${stdout.trim().split('\n').map(shortId).join(', ')}`),
};

/** The checks of the walk-through, in its order, by the identifiers of walk-through.sh. `value` is what is stored. */
export const walkThroughJudges = (spec: Spec, value: string): ReadonlyMap<string, Judge> =>
  new Map<string, Judge>([
    ['redis.runp', made('a pod starts', 'look at the CNI configuration, and at: journalctl -u berthd -n 50')],
    ['redis.inspectp', inspectTable],
    ['redis.pod-ip', podAddress(spec)],
    [
      'redis.pull',
      {
        title: 'the image is fetched',
        judge: ({ stdout }) => green(/sha256:[0-9a-f]{12}/.exec(stdout)?.[0] ?? (stdout.trim() || 'fetched')),
        remedy: `can the host reach the registry of ${spec.verify.image}? mirrors and proxies belong in spec.registries`,
      },
    ],
    ['redis.create', made('a container is made')],
    [
      'redis.start',
      done('the container starts', 'started', 'the OCI runtime said no: the evidence has its words'),
    ],
    ['redis.inspect', running],
    ['redis.logs', logs],
    ['redis.exec', redisVersion('a program runs in it')],
    ['redis.exec-sync', redisVersion('the same, no streams')],
    ['redis.ping', conversation('PING over TCP', ['+PONG', '+OK'], 'PONG')],
    [
      'redis.set-get',
      conversation('SET, then GET', ['+OK', `$${value.length}`, value, '+OK'], `GET answers ${value}`),
    ],
    ['redis.stop', done('the container stops', 'stopped')],
    ['redis.exit-code', exitCode],
    ['redis.rm', done('container is removed', 'removed')],
    ['redis.stopp', done('the pod stops', 'stopped')],
    ['redis.rmp', done('the pod is removed', 'removed')],
    ['redis.nothing-left', nothingLeft],
  ]);

/** Checks that appear only when they are red. */
export const troubleJudges: ReadonlyMap<string, Judge> = new Map<string, Judge>([
  ['redis.walk', done('the rest of the walk', 'walked')],
  ['redis.lock', done('no other verification', 'alone')],
  ['redis.clean-up', done('all is taken away', 'taken away', 'crictl pods; crictl rmp --force POD')],
]);
