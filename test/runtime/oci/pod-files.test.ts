import assert from 'node:assert/strict';
import test from 'node:test';
import { create } from '@bufbuild/protobuf';
import { hostsFile } from '../../../runtime/oci/hosts.ts';
import { resolvConf } from '../../../runtime/oci/resolv.ts';
import { DNSConfigSchema } from '../../../runtime/spec/cri/api_pb.js';

const HOST = 'nameserver 192.0.2.1\n';

test('resolv.conf is the host’s when the request has no DNS, else the request’s alone', () => {
  assert.equal(resolvConf(undefined, HOST), HOST);
  assert.equal(resolvConf(create(DNSConfigSchema, {}), HOST), HOST);
  const dns = create(DNSConfigSchema, {
    servers: ['10.96.0.10', 'fd00::a'],
    searches: ['default.svc.cluster.local', 'cluster.local'],
    options: ['ndots:5'],
  });
  assert.equal(
    resolvConf(dns, HOST),
    'search default.svc.cluster.local cluster.local\nnameserver 10.96.0.10\nnameserver fd00::a\noptions ndots:5\n',
  );
});

for (const word of ['', 'a b', 'a\nnameserver 198.51.100.1', 'a\0']) {
  test(`DNS word ${JSON.stringify(word)} is refused`, () => {
    for (const field of ['servers', 'searches', 'options']) {
      assert.throws(() => resolvConf(create(DNSConfigSchema, { [field]: [word] }), HOST), {
        code: 'InvalidArgument',
      });
    }
  });
}

test('/etc/hosts names the pod at each of its addresses', () => {
  const lines = hostsFile('web-0', ['10.0.0.5', 'fd00::5']).trimEnd().split('\n');
  assert.equal(lines[0], '127.0.0.1\tlocalhost');
  assert.deepEqual(lines.slice(-2), ['10.0.0.5\tweb-0', 'fd00::5\tweb-0']);
  assert.doesNotMatch(hostsFile('', ['10.0.0.5']), /10\.0\.0\.5/);
});

for (const name of ['a\n10.0.0.1\tbank', 'a b', '-a', 'a-', 'x'.repeat(65)]) {
  test(`host name ${JSON.stringify(name)} is refused`, () => {
    assert.throws(() => hostsFile(name, ['10.0.0.5']), { code: 'InvalidArgument' });
  });
}
