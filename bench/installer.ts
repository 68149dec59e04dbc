/**
 * What it costs to find out that a node is as it should be: `berth plan` beside an Ansible playbook for the same
 * packages, files, sysctls, modules and units, against one host over SSH, without and with latency. The rounds
 * alternate, so that both meet the same machine; what counts is the ratio. Ansible runs at its best: pipelined, without
 * gathering facts, one connection for all tasks of a run.
 *
 *   node bench/noop-apply.ts [--rounds 3] [--delay-ms 25]
 *
 * Needs root on Debian or Ubuntu, and what the embedded hosts of the tests need; installs the package ansible.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { sshCommand } from '../src/inventory/embedded/host.ts';
import { berth, profileFor } from '../test/e2e/berth.ts';
import { type EmbeddedHost, embeddedHost, embeddedTestFolder } from '../test/harness/embedded.ts';
import { startDelay } from './delay.ts';

const run = promisify(execFile);

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    'delay-ms': { type: 'string', default: '25' },
  },
});

const ROUND_TRIP_BUDGET = 12;
const RATIO_BUDGET = 20;

const main = async (): Promise<void> => {
  const releases: (() => Promise<void>)[] = [];
  const lifetime = { after: (release: () => Promise<void>) => void releases.push(release) };
  const folder = mkdtempSync(join(tmpdir(), 'berth-bench-'));
  lifetime.after(async () => rmSync(folder, { recursive: true, force: true }));
  try {
    await installAnsible();
    const host = await embeddedHost(lifetime);
    await becomeNode(host, folder);
    const playbook = await writePlaybook(host, folder);
    for (const delayMs of [0, Number(values['delay-ms'])]) {
      const way = await startDelay({ host: host.ssh.host, port: host.ssh.port, delayMs });
      try {
        await compare(delayMs, wayThrough(host, way.port, join(folder, `delay-${delayMs}`)), playbook);
      } finally {
        await way.close();
      }
    }
  } finally {
    for (const release of releases.reverse()) await release();
  }
};

const installAnsible = async (): Promise<void> => {
  const there = await run('ansible-playbook', ['--version']).catch(() => undefined);
  if (there !== undefined) return;
  console.log('installing ansible');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['-qq', 'update'], { env });
  await run('apt-get', ['-qq', 'install', '-y', '--no-install-recommends', 'ansible'], { env });
};

/** The node that both look at; Ansible's modules need a Python there. */
const becomeNode = async (host: EmbeddedHost, folder: string): Promise<void> => {
  await host.output(
    'apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends python3 python3-apt >/dev/null',
  );
  const { exitCode, output } = await berth('apply', profileFor(host, folder), '--yes', '--ci');
  if (exitCode !== 0) throw new Error(output);
};

/** A profile and an inventory that reach the host through a port of this machine. */
interface Way {
  readonly folder: string;
  readonly profile: string;
  readonly inventory: string;
}

const wayThrough = (host: EmbeddedHost, port: number, folder: string): Way => {
  mkdirSync(folder);
  const knownHosts = join(folder, 'known_hosts');
  const keys = host.ssh.knownHostsFiles.map((file) => readFileSync(file, 'utf8')).join('');
  writeFileSync(knownHosts, keys.replaceAll(`${host.ssh.host} `, `[127.0.0.1]:${port} `));
  const [identity = ''] = host.ssh.identityFiles;
  const profile = profileFor(host, folder);
  const text = readFileSync(profile, 'utf8')
    .replace(`host: ${host.ssh.host}\n`, `host: 127.0.0.1\n      port: ${port}\n`)
    .replace(/knownHostsFiles: .*/, `knownHostsFiles: [${knownHosts}]`);
  writeFileSync(profile, text);
  const inventory = join(folder, 'inventory');
  writeFileSync(
    inventory,
    `node ansible_host=127.0.0.1 ansible_port=${port} ansible_user=${host.ssh.user} ` +
      `ansible_ssh_private_key_file=${identity} ansible_python_interpreter=/usr/bin/python3 ` +
      `ansible_ssh_common_args='-F none -o UserKnownHostsFile=${knownHosts} -o IdentitiesOnly=yes'\n`,
  );
  return { folder, profile, inventory };
};

/** What berth says it brought to the host, read from its own record there: the playbook keeps the same things. */
const writePlaybook = async (host: EmbeddedHost, folder: string): Promise<string> => {
  const record = (await host.output('cat /var/lib/berth-install/origin'))
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'));
  const named = (kind: string): string[] =>
    record.flatMap(([found, name = '']) => (found === kind ? [name] : []));
  const contents = join(folder, 'contents');
  await fetchFiles(host, named('file'), contents);
  const status = await host.output(`stat -c '%n %F,%a' ${[...named('file'), ...named('folder')].join(' ')}`);
  const modes = new Map(status.split('\n').map((line) => [line.split(' ')[0], line.split(',')[1]]));
  const isLink = (path: string): boolean => status.includes(`${path} symbolic link`);
  const links = await Promise.all(
    named('file')
      .filter(isLink)
      .map(async (path) => ({ path, target: (await host.output(`readlink ${path}`)).trim() })),
  );
  const words = async (path: string): Promise<string[]> =>
    (await host.output(`grep -v '^#' ${path}`)).trim().split('\n');
  const tasks = [
    { 'ansible.builtin.apt': { name: named('package'), state: 'present' } },
    {
      'ansible.builtin.file': { path: '{{ item.path }}', state: 'directory', mode: '{{ item.mode }}' },
      loop: named('folder').map((path) => ({ path, mode: modes.get(path) })),
    },
    {
      'ansible.builtin.copy': {
        src: `${contents}{{ item.path }}`,
        dest: '{{ item.path }}',
        mode: '{{ item.mode }}',
      },
      loop: named('file')
        .filter((path) => !isLink(path))
        .map((path) => ({ path, mode: `0${modes.get(path)}` })),
    },
    {
      'ansible.builtin.file': { path: '{{ item.path }}', src: '{{ item.target }}', state: 'link' },
      loop: links,
    },
    // community.general.modprobe reads /proc/modules, which a host in a container lacks.
    {
      'ansible.builtin.stat': { path: '/sys/module/{{ item }}', get_checksum: false },
      loop: await words('/etc/modules-load.d/berth.conf'),
    },
    {
      'ansible.posix.sysctl': {
        name: '{{ item.name }}',
        value: '{{ item.value }}',
        sysctl_file: '/etc/sysctl.d/90-berth.conf',
        sysctl_set: true,
        reload: false,
      },
      loop: (await words('/etc/sysctl.d/90-berth.conf')).map((line) => {
        const [name, value] = line.split(' = ');
        return { name, value };
      }),
    },
    {
      'ansible.builtin.systemd': { name: '{{ item }}', enabled: true, state: 'started' },
      loop: named('unit'),
    },
  ];
  const path = join(folder, 'playbook.yml');
  // YAML includes JSON.
  writeFileSync(path, JSON.stringify([{ hosts: 'node', gather_facts: false, tasks }]));
  const items = tasks.reduce((sum, { loop }) => sum + (loop?.length ?? 1), 0);
  console.log(`playbook: ${tasks.length} tasks, ${items} module runs`);
  return path;
};

const fetchFiles = async (host: EmbeddedHost, paths: readonly string[], folder: string): Promise<void> => {
  mkdirSync(folder);
  const [program = '', ...words] = sshCommand(host.address, embeddedTestFolder);
  const from = spawn(program, [...words, `tar -C / -cf - ${paths.map((path) => path.slice(1)).join(' ')}`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const to = spawn('tar', ['-C', folder, '-xf', '-'], { stdio: [from.stdout, 'ignore', 'inherit'] });
  const [[sent], [received]] = await Promise.all([once(from, 'exit'), once(to, 'exit')]);
  if (sent !== 0 || received !== 0)
    throw new Error(`the files of the host were not copied: ${sent} ${received}`);
};

interface Sample {
  readonly seconds: number;
  readonly output: string;
}

const timed = async (work: () => Promise<string>): Promise<Sample> => {
  const began = performance.now();
  const output = await work();
  return { seconds: (performance.now() - began) / 1000, output };
};

const planWithBerth = (way: Way): Promise<Sample> =>
  timed(async () => {
    const { exitCode, output } = await berth('plan', way.profile, '--ci', '--stats');
    if (exitCode !== 0) throw new Error(`berth plan finds something to do:\n${output}`);
    return output;
  });

const playWithAnsible = (way: Way, playbook: string, round: number): Promise<Sample> =>
  timed(async () => {
    const env = {
      ...process.env,
      LC_ALL: 'C.UTF-8',
      ANSIBLE_HOME: join(way.folder, 'ansible'),
      ANSIBLE_LOCAL_TEMP: join(way.folder, 'ansible', 'tmp'),
      ANSIBLE_NOCOWS: '1',
      ANSIBLE_PIPELINING: 'True',
      ANSIBLE_SSH_ARGS: '-C -o ControlMaster=auto -o ControlPersist=10s',
      // Each run makes its connection, as berth does, and keeps it to its end.
      ANSIBLE_SSH_CONTROL_PATH_DIR: join(way.folder, `c${round}`),
    };
    const { stdout } = await run('ansible-playbook', ['-i', way.inventory, playbook], {
      env,
      maxBuffer: 2 ** 26,
    }).catch((error: { stdout?: string; message: string }) => {
      throw new Error(`${error.message}\n${error.stdout}`);
    });
    if (!/changed=0 .*unreachable=0 .*failed=0/.test(stdout))
      throw new Error(`Ansible changed something:\n${stdout}`);
    return stdout;
  });

const compare = async (delayMs: number, way: Way, playbook: string): Promise<void> => {
  console.log(`${delayMs} ms added each way`);
  const ours: number[] = [];
  const theirs: number[] = [];
  let roundTrips = Number.NaN;
  for (let round = 0; round <= Number(values.rounds); round += 1) {
    const berthRun = await planWithBerth(way);
    const ansibleRun = await playWithAnsible(way, playbook, round);
    roundTrips = Number(/^node +(\d+) /m.exec(berthRun.output)?.[1]);
    // The first of each fills caches: compiled code, digests, Python's bytecode.
    if (round === 0) continue;
    ours.push(berthRun.seconds);
    theirs.push(ansibleRun.seconds);
    console.log(
      `  round ${round}: berth ${berthRun.seconds.toFixed(2)} s, ansible ${ansibleRun.seconds.toFixed(2)} s`,
    );
  }
  const ratio = median(theirs) / median(ours);
  console.log(
    `  median: berth ${median(ours).toFixed(2)} s, ansible ${median(theirs).toFixed(2)} s, ` +
      `${ratio.toFixed(1)} times as fast (budget ${RATIO_BUDGET})`,
  );
  console.log(`  round trips of berth: ${roundTrips} (budget ${ROUND_TRIP_BUDGET})`);
};

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[(numbers.length - 1) >> 1] ?? Number.NaN;

await main();
