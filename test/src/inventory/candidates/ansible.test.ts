import assert from 'node:assert/strict';
import test from 'node:test';
import { Fail } from '../../../../src/core/fail.ts';
import { ansibleHosts, parseInventory } from '../../../../src/inventory/candidates/ansible.ts';
import type { Found } from '../../../../src/inventory/candidates/candidate.ts';

const ini = `# before any group
mail.example.com ansible_user=postmaster   # by hand
[web]
web[01:03].example.com:2222
192.0.2.50 ansible_host=192.0.2.51 ansible_ssh_private_key_file="~/.ssh/the key"
; a comment of another kind
[db_servers]
db-[a:b] ansible_port=2022 ansible_user='dba'
localhost ansible_connection=local

[site:children]
web
db_servers

[site:vars]
ansible_user=ops
ansible_password=secret

[db_servers:vars]
ansible_user = dbadmin
`;

const yaml = `---
all:
  vars: { ansible_user: ops }
  hosts:
    mail.example.com:
  children:
    web:
      hosts:
        web[1:2].example.com: { ansible_port: 2222 }
      vars: { ansible_user: deploy }
    db_servers:
      children:
        primary:
          hosts: { db-a: { ansible_host: 192.0.2.7, ansible_password: !vault abc, note: [1] } }
`;

const read = (text: string, file: string): Found =>
  ansibleHosts(parseInventory(text, file), {
    folder: '/srv/inventory',
    files: { layers: [], vaults: [] },
    keyPath: (path) => path,
  });

const found = (text: string, file: string) =>
  read(text, file).candidates.map(({ name, way, groups }) => ({ name, way, groups }));

/** How the only host of an inventory with these variables is reached, and what is said of it. */
const wayWith = (vars: string) => {
  const { candidates, remarks } = read(`[a]\nnode.example ${vars}\n`, 'hosts');
  return [candidates[0]?.way['ssh'], remarks];
};

test('an inventory in INI: ranges, ports, groups within groups, and what is nearer wins', () => {
  assert.deepEqual(found(ini, 'hosts'), [
    { name: 'mail.example.com', way: { ssh: { host: 'mail.example.com', user: 'postmaster' } }, groups: [] },
    ...['01', '02', '03'].map((number) => ({
      name: `web${number}.example.com`,
      way: { ssh: { host: `web${number}.example.com`, user: 'ops', port: 2222 } },
      groups: ['site', 'web'],
    })),
    {
      name: '192.0.2.50',
      way: { ssh: { host: '192.0.2.51', user: 'ops', identityFiles: ['~/.ssh/the key'] } },
      groups: ['site', 'web'],
    },
    ...['a', 'b'].map((letter) => ({
      name: `db-${letter}`,
      way: { ssh: { host: `db-${letter}`, user: 'dba', port: 2022 } },
      groups: ['site', 'db-servers'],
    })),
    { name: 'localhost', way: { local: {} }, groups: ['site', 'db-servers'] },
  ]);
});

test('an inventory in YAML says the same in its way; vaults and other values are passed over', () => {
  assert.deepEqual(found(yaml, 'inventory.yml'), [
    { name: 'mail.example.com', way: { ssh: { host: 'mail.example.com', user: 'ops' } }, groups: [] },
    ...[1, 2].map((number) => ({
      name: `web${number}.example.com`,
      way: { ssh: { host: `web${number}.example.com`, user: 'deploy', port: 2222 } },
      groups: ['web'],
    })),
    { name: 'db-a', way: { ssh: { host: '192.0.2.7', user: 'ops' } }, groups: ['db-servers', 'primary'] },
  ]);
});

const list = `{
    "_meta": {
        "hostvars": {
            "db-a": {
                "ansible_become_password": { "__ansible_vault": "$ANSIBLE_VAULT;1.1;AES256\\n6162\\n" },
                "ansible_host": "192.0.2.7",
                "ansible_user": { "__ansible_unsafe": "dba" }
            },
            "web1.example.com": { "ansible_port": 2222, "ansible_user": "deploy" }
        }
    },
    "all": { "children": ["ungrouped", "web", "db_servers"] },
    "db_servers": { "children": ["primary"] },
    "primary": { "hosts": ["db-a"] },
    "ungrouped": { "hosts": ["mail.example.com"] },
    "web": { "hosts": ["web1.example.com"] }
}
`;

test('what ansible-inventory --list prints is an inventory too', () => {
  const { candidates, remarks } = read(list, 'hosts.json');
  assert.deepEqual(
    candidates.map(({ name, way, groups }) => ({ name, way, groups })),
    [
      { name: 'db-a', way: { ssh: { host: '192.0.2.7', user: 'dba' } }, groups: ['db-servers', 'primary'] },
      {
        name: 'web1.example.com',
        way: { ssh: { host: 'web1.example.com', user: 'deploy', port: 2222 } },
        groups: ['web'],
      },
      { name: 'mail.example.com', way: { ssh: { host: 'mail.example.com' } }, groups: [] },
    ],
  );
  assert.deepEqual(remarks, ['ansible_become_password: no password is taken over (db-a)']);
});

test('a password is never taken over', () => {
  assert.doesNotMatch(JSON.stringify([found(ini, 'hosts'), found(yaml, 'x.yml')]), /secret|password|vault/);
});

test('a password that a host needs is named, so that somebody chooses how berth gets it', () => {
  assert.deepEqual(read(yaml, 'x.yml').remarks, ['ansible_password: no password is taken over (db-a)']);
});

test('what ansible-vault has encrypted is no value, and is named', () => {
  const vault = '!vault |\n        $ANSIBLE_VAULT;1.1;AES256\n        6162\n';
  const text = `all:\n  hosts:\n${[1, 2, 3, 4].map((n) => `    n${n}: { ansible_port: 22 }\n`).join('')}  vars:\n      ansible_user: ${vault}`;
  const { candidates, remarks } = read(text, 'x.yml');
  assert.deepEqual(candidates[0]?.way, { ssh: { host: 'n1', port: 22 } });
  assert.deepEqual(remarks, ['ansible_user: vaulted (n1, n2 and 2 others)']);
  assert.throws(
    () => parseInventory('$ANSIBLE_VAULT;1.1;AES256\n6162\n', 'hosts'),
    /encrypted by ansible-vault/,
  );
});

test('a template that names variables alone is filled in, any other one is named', () => {
  assert.deepEqual(
    wayWith(
      'ansible_host="{{inventory_hostname_short}}.{{ domain }}" domain="lan.{{ site }}" site=a.example ansible_ssh_private_key_file="{{ inventory_dir }}/keys/id"',
    ),
    [{ host: 'node.lan.a.example', identityFiles: ['/srv/inventory/keys/id'] }, []],
  );
  for (const text of [
    '{{ lookup("env", "X") }}',
    '{{ unknown }}',
    '{{ ansible_user }}',
    '{% if x %}a{% endif %}',
  ])
    assert.deepEqual(wayWith(`ansible_user='${text}'`), [
      { host: 'node.example' },
      ['ansible_user: a template that Ansible alone fills in (node.example)'],
    ]);
});

test('jump hosts among options of ssh become jump hosts, also in the words of before there was ProxyJump', () => {
  const jumpOf = (args: string) => wayWith(`ansible_ssh_common_args='${args}'`);
  const way = (...jump: string[]) => [{ host: 'node.example', jump }, []];
  assert.deepEqual(jumpOf('-o ProxyJump=ops@bastion.example:2222'), way('ops@bastion.example:2222'));
  assert.deepEqual(
    jumpOf('-o StrictHostKeyChecking=no -J a.example,b.example'),
    way('a.example', 'b.example'),
  );
  assert.deepEqual(jumpOf('-oProxyCommand="ssh -W %h:%p -q ops@bastion"'), way('ops@bastion'));
  assert.deepEqual(jumpOf('-o ProxyCommand="ssh -p 2200 -l ops bastion -W %h:%p"'), way('ops@bastion:2200'));
  for (const [command, hop] of [
    ['ssh -W %h:%p -p 2200 ops@2001:db8::1', 'ops@[2001:db8::1]:2200'],
    ['ssh -W %h:%p -p 2200 2001:db8::1', '[2001:db8::1]:2200'],
    ['ssh -W %h:%p ops@2001:db8::1', 'ops@2001:db8::1'],
  ] as const)
    assert.deepEqual(jumpOf(`-o ProxyCommand="${command}"`), way(hop));
  assert.deepEqual(jumpOf('-o ControlMaster=auto -C'), [{ host: 'node.example' }, []]);
});

test('a way that berth does not follow is named', () => {
  for (const [args, way] of [
    ['-o ProxyCommand="cloudflared access ssh --hostname %h"', 'cloudflared access ssh --hostname %h'],
    ['-o ProxyCommand="ssh -i key -W %h:%p bastion"', 'ssh -i key -W %h:%p bastion'],
    ['-F ssh.cfg', '-F ssh.cfg'],
  ])
    assert.deepEqual(wayWith(`ansible_ssh_common_args='${args}'`), [
      { host: 'node.example' },
      [`ansible_ssh_common_args, "${way}": not the way of a jump host (node.example)`],
    ]);
});

test('hosts that Ansible does not reach over SSH are left out, by name', () => {
  const { candidates, remarks } = read(
    '[a]\nwin ansible_connection=winrm\nbox ansible_connection=community.docker.docker\nlin ansible_connection=smart\n',
    'hosts',
  );
  assert.deepEqual(
    candidates.map(({ name }) => name),
    ['lin'],
  );
  assert.deepEqual(remarks, [
    'left out, reached by winrm and not by SSH (win)',
    'left out, reached by community.docker.docker and not by SSH (box)',
  ]);
});

test('groups that hold each other end, and so does a range that is a slip of the pen', () => {
  assert.equal(found('[a:children]\nb\n[b:children]\na\n[b]\nx\n', 'hosts').length, 1);
  assert.ok(found('[a]\nnode[0:99999999]\n', 'hosts').length <= 5000);
});

test('what is no inventory is told with its line and a remedy', () => {
  const failure = (text: string, file: string): Fail => {
    try {
      parseInventory(text, file);
    } catch (error) {
      assert.ok(error instanceof Fail);
      return error;
    }
    throw new Error('it was taken');
  };
  assert.match(failure('[web]\na\n[web\n', 'hosts').message, /^hosts:3: "\[web" is no line/);
  assert.match(failure('[web:vars]\nlonely\n', 'hosts').message, /^hosts:2:/);
  assert.match(
    failure('#!/usr/bin/env python3\n', 'ec2.py').hint ?? '',
    /ansible-inventory -i ec2\.py --list --yaml/,
  );
  assert.match(
    failure("[web]\nimport { Command } from 'commander';\n", 'main.ts').message,
    /^main\.ts:2: "import \{ Command \} from 'commander';" is no line/,
  );
  assert.match(failure('{\n', 'hosts').message, /hosts is no YAML/);
  assert.match(failure('web\n}\n', 'hosts').message, /^hosts:2: "\}" is no line/);
  assert.match(failure('{ "name": "berth" }\n', 'package.json').message, /name is no group/);
  assert.match(
    failure('apiVersion: berth.dev/v1\nhosts: []\n', 'x.yaml').message,
    /^x\.yaml is no inventory of Ansible: apiVersion is no group/,
  );
  assert.match(failure('- a\n- b\n', 'x.yml').message, /no inventory of Ansible/);
  assert.match(failure('a: [\n', 'x.yml').message, /x\.yml is no YAML/);
  const plugin = failure('plugin: amazon.aws.aws_ec2\nregions: [eu-west-1]\n', 'aws_ec2.yml');
  assert.match(plugin.message, /lets Ansible's plugin amazon\.aws\.aws_ec2 look for hosts/);
  assert.match(plugin.hint ?? '', /ansible-inventory -i aws_ec2\.yml --list --yaml/);
});
