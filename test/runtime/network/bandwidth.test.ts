import assert from 'node:assert/strict';
import test from 'node:test';
import { bandwidthOf } from '../../../runtime/network/bandwidth.ts';

const ingress = (text: string) => bandwidthOf({ 'kubernetes.io/ingress-bandwidth': text });

test('bandwidth annotations are Kubernetes quantities of bits per second', () => {
  assert.equal(bandwidthOf({ other: '1' }), undefined);
  assert.deepEqual(ingress('10M'), { ingressRate: 1e7, ingressBurst: 2 ** 32 - 1 });
  assert.equal(ingress('1.5Mi')?.ingressRate, 1_572_864);
  assert.equal(ingress('1000')?.ingressRate, 1000);
  assert.deepEqual(bandwidthOf({ 'kubernetes.io/egress-bandwidth': '1P' }), {
    egressRate: 1e15,
    egressBurst: 2 ** 32 - 1,
  });
});

for (const text of ['', '999', '2P', '-1M', '10 M', '1e6', '10MB', '9'.repeat(400)]) {
  test(`bandwidth ${JSON.stringify(text.slice(0, 20))} is refused`, () => {
    assert.throws(() => ingress(text), { code: 'InvalidArgument' });
  });
}
