import assert from 'node:assert/strict';
import test from 'node:test';
import { parseSshConfig } from '../../../../src/inventory/vagrant/ssh-config.ts';

/** As Vagrant 2.3 and 2.4 print it, for two machines. */
const text = `Host fedora
  HostName 127.0.0.1
  User vagrant
  Port 2222
  UserKnownHostsFile /dev/null
  StrictHostKeyChecking no
  PasswordAuthentication no
  IdentityFile "/home/me/my machines/.vagrant/machines/fedora/virtualbox/private_key"
  IdentityFile /home/me/other
  IdentitiesOnly yes
  LogLevel FATAL

Host ubuntu
  HostName 192.168.121.7
  User ubuntu
  Port 22
  ProxyCommand "ssh -q kvm.example.com -W %h:%p"
  IdentityFile /tmp/key
`;

test('a machine is reached as its own block says', () => {
  assert.deepEqual(parseSshConfig(text, 'fedora'), {
    hostName: '127.0.0.1',
    port: 2222,
    user: 'vagrant',
    identityFiles: ['/home/me/my machines/.vagrant/machines/fedora/virtualbox/private_key', '/home/me/other'],
    beyond: [],
  });
  assert.deepEqual(parseSshConfig(text.replaceAll('\n', '\r\n'), 'ubuntu')?.beyond, ['proxycommand']);
});

test('what is no block of the machine is none', () => {
  assert.equal(parseSshConfig(text, 'debian'), undefined);
  assert.equal(parseSshConfig('Host fedora\n  User vagrant\n', 'fedora'), undefined);
  assert.equal(parseSshConfig('', 'fedora'), undefined);
});
