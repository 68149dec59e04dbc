import assert from 'node:assert/strict';
import test from 'node:test';
import { Fail } from '../../../../src/core/fail.ts';
import { ansibleHosts } from '../../../../src/inventory/candidates/ansible.ts';

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

const found = (text: string, file: string) =>
  ansibleHosts(text, file).map(({ name, way, groups }) => ({ name, way, groups }));

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

test('a password is never taken over', () => {
  assert.doesNotMatch(JSON.stringify([found(ini, 'hosts'), found(yaml, 'x.yml')]), /secret|password|vault/);
});

test('a template is no value', () => {
  const [host] = found('[a]\nnode ansible_host={{ip}} ansible_user=ops\n', 'hosts');
  assert.deepEqual(host?.way, { ssh: { host: 'node', user: 'ops' } });
});

test('groups that hold each other end, and so does a range that is a slip of the pen', () => {
  assert.equal(found('[a:children]\nb\n[b:children]\na\n[b]\nx\n', 'hosts').length, 1);
  assert.ok(found('[a]\nnode[0:99999999]\n', 'hosts').length <= 5000);
});

test('what is no inventory is told with its line and a remedy', () => {
  const failure = (text: string, file: string): Fail => {
    try {
      ansibleHosts(text, file);
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
  assert.match(failure('- a\n- b\n', 'x.yml').message, /no inventory of Ansible/);
  assert.match(failure('a: [\n', 'x.yml').message, /x\.yml is no YAML/);
});
