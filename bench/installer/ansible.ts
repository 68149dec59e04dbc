import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Role } from './role.ts';
import type { Tool, Way } from './tool.ts';

const run = promisify(execFile);

/** Ansible at its best: pipelined, without gathering facts, one connection for all tasks of a run, as many forks as hosts. */
export const ansible = (program: string, role: Role): Tool => ({
  name: 'ansible',
  async run(way, expects) {
    const inventory = join(way.folder, 'inventory');
    writeFileSync(inventory, inventoryFor(way));
    const playbook = join(way.folder, 'playbook.yml');
    // YAML includes JSON.
    writeFileSync(playbook, JSON.stringify([{ hosts: 'all', gather_facts: false, tasks: tasksOf(role) }]));
    const { stdout } = await run(program, ['-i', inventory, playbook], {
      env: {
        ...process.env,
        LC_ALL: 'C.UTF-8',
        ANSIBLE_HOME: join(way.folder, 'ansible'),
        ANSIBLE_LOCAL_TEMP: join(way.folder, 'ansible', 'tmp'),
        ANSIBLE_NOCOWS: '1',
        ANSIBLE_PIPELINING: 'True',
        ANSIBLE_FORKS: '50',
        ANSIBLE_SSH_ARGS: '-C -o ControlMaster=auto -o ControlPersist=5s',
        // Each run makes its connections, as the others do, and keeps them to its end.
        ANSIBLE_SSH_CONTROL_PATH_DIR: mkdtempSync(join(way.folder, 'c')),
      },
      maxBuffer: 2 ** 26,
    }).catch((error: { stdout?: string; message: string }) => {
      throw new Error(`${error.message}\n${error.stdout}`);
    });
    const recap = stdout.slice(stdout.indexOf('PLAY RECAP'));
    const good =
      expects === 'nothing' ? /changed=0 .*unreachable=0 .*failed=0/g : /unreachable=0 .*failed=0/g;
    if (recap.match(good)?.length !== way.targets.length)
      throw new Error(`ansible did not do what was expected (${expects}):\n${stdout.slice(-8000)}`);
    return stdout;
  },
});

const inventoryFor = ({ targets, user, identity, knownHosts }: Way): string =>
  targets
    .map(
      ({ name, host, port }) =>
        `${name} ansible_host=${host} ansible_port=${port} ansible_user=${user} ` +
        `ansible_ssh_private_key_file=${identity} ansible_python_interpreter=/usr/bin/python3 ` +
        `ansible_ssh_common_args='-F none -o UserKnownHostsFile=${knownHosts} -o IdentitiesOnly=yes'\n`,
    )
    .join('');

const tasksOf = (role: Role): unknown[] => [
  { 'ansible.builtin.apt': { name: role.packages, state: 'present' } },
  {
    'ansible.builtin.file': { path: '{{ item.path }}', state: 'directory', mode: '{{ item.mode }}' },
    loop: role.folders,
  },
  {
    'ansible.builtin.copy': {
      src: `${role.contents}{{ item.path }}`,
      dest: '{{ item.path }}',
      mode: '{{ item.mode }}',
    },
    loop: role.files,
  },
  {
    'ansible.builtin.file': { path: '{{ item.path }}', src: '{{ item.target }}', state: 'link' },
    loop: role.links,
  },
  // community.general.modprobe reads /proc/modules, which a host in a container lacks.
  {
    'ansible.builtin.stat': { path: '/sys/module/{{ item }}', get_checksum: false },
    loop: role.modules,
  },
  {
    'ansible.posix.sysctl': {
      name: '{{ item.name }}',
      value: '{{ item.value }}',
      sysctl_file: '/etc/sysctl.d/90-berth.conf',
      sysctl_set: true,
      reload: false,
    },
    loop: role.sysctls,
  },
  {
    'ansible.builtin.systemd': { name: '{{ item }}', enabled: true, state: 'started', daemon_reload: false },
    loop: role.units,
  },
];
