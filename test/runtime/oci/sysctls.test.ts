import assert from 'node:assert/strict';
import test from 'node:test';
import { create } from '@bufbuild/protobuf';
import { podSysctls } from '../../../runtime/oci/sysctls.ts';
import { NamespaceMode, PodSandboxConfigSchema } from '../../../runtime/spec/cri/api_pb.js';

const pod = (sysctls: Record<string, string>, namespaceOptions = {}) =>
  create(PodSandboxConfigSchema, { linux: { sysctls, securityContext: { namespaceOptions } } });

test('the request’s sysctls lie over the node’s defaults, all spelled with dots', () => {
  assert.deepEqual(
    podSysctls(pod({ 'net/ipv4/ip_forward': '1', 'kernel.shm_rmid_forced': '1' }), {
      'net.ipv4.ip_forward': '0',
      'fs.mqueue.msg_max': '20',
    }),
    { 'net.ipv4.ip_forward': '1', 'fs.mqueue.msg_max': '20', 'kernel.shm_rmid_forced': '1' },
  );
});

test('a default for a namespace of the host is left out, a request for one is refused', () => {
  const node = { network: NamespaceMode.NODE, ipc: NamespaceMode.NODE };
  assert.deepEqual(podSysctls(pod({}, node), { 'net.core.somaxconn': '9', 'kernel.msgmax': '9' }), {});
  for (const name of ['net.core.somaxconn', 'kernel.msgmax']) {
    assert.throws(() => podSysctls(pod({ [name]: '1' }, node), {}), {
      code: 'InvalidArgument',
      message: /shares the host's/,
    });
  }
});

const REFUSED: readonly (readonly [string, string, string])[] = [
  ['of the whole machine', 'vm.overcommit_memory', '1'],
  ['of the whole machine in kernel', 'kernel.core_pattern', '|/evil'],
  ['that climbs', 'net/../kernel/core_pattern', '1'],
  ['that climbs with dots', 'net.ipv4..ip_forward', '1'],
  ['with a blank', 'net.ipv4 .x', '1'],
  ['with two names in one', 'net.ipv4.x=1\nkernel.core_pattern', '1'],
  [
    'with a plus, which a tool that takes lists would split',
    'kernel.shm_rmid_forced=1+kernel.core_pattern',
    '1',
  ],
  ['of one word', 'net', '1'],
  ['that is empty', '', '1'],
  ['with a line end in its value', 'net.ipv4.ip_forward', '1\nkernel.core_pattern=|/evil'],
  ['with a NUL in its value', 'net.ipv4.ip_forward', '1\0'],
  ['with an endless value', 'net.ipv4.ip_forward', '1'.repeat(5000)],
];

for (const [what, name, value] of REFUSED) {
  test(`a sysctl ${what} is refused`, () => {
    assert.throws(() => podSysctls(pod({ [name]: value }), {}), { code: 'InvalidArgument' });
    assert.throws(() => podSysctls(pod({}), { [name]: value }), { code: 'InvalidArgument' });
  });
}
