import assert from 'node:assert/strict';
import test from 'node:test';
import { kubernetesSpecs } from '../../../src/artifacts/kubernetes-pins.ts';
import { stagedGoMod } from '../../../src/artifacts/staged-module.ts';
import { Fail } from '../../../src/core/fail.ts';

const published = `module k8s.io/kubernetes

go 1.26.0

godebug default=go1.26

require (
	k8s.io/api v0.0.0
	k8s.io/klog/v2 v2.140.0
)

replace (
	k8s.io/api => ./staging/src/k8s.io/api
	k8s.io/cri-api => ./staging/src/k8s.io/cri-api
)
`;

test('modules that a module leads into its own tree are led to their published versions', () => {
  assert.equal(
    stagedGoMod(published, 'k8s.io/kubernetes', '1.37.2', 'v0.37.2'),
    `module build.invalid/berth
go 1.26.0
require k8s.io/kubernetes v1.37.2
replace k8s.io/api => k8s.io/api v0.37.2
replace k8s.io/cri-api => k8s.io/cri-api v0.37.2
`,
  );
});

test('a replacement in a line of its own is led there too, one by another module is left alone', () => {
  const goMod = 'module m\n\ngo 1.25\n\nreplace k8s.io/api => ./staging/api\n\nreplace a => b v1.0.0\n';
  assert.match(
    stagedGoMod(goMod, 'm', '1.0.0', 'v0.1.0'),
    /^replace k8s\.io\/api => k8s\.io\/api v0\.1\.0$/m,
  );
  assert.doesNotMatch(stagedGoMod(goMod, 'm', '1.0.0', 'v0.1.0'), /replace a/);
});

test('a module that leads nothing into its tree is not taken for one that does', () => {
  for (const goMod of ['module m\n\ngo 1.25\n', 'module m\n\nreplace k8s.io/api => ./api\n'])
    assert.throws(
      () => stagedGoMod(goMod, 'm', '1.0.0', 'v0.1.0'),
      (error) => error instanceof Fail && error.code === 'Fetch' && /m v1\.0\.0/.test(error.message),
    );
});

test('a module that leads nothing into its tree is a dependency of ours and no more', () => {
  assert.equal(
    stagedGoMod('go 1.26.3\n\nmodule m\n', 'm', '1.0.0', undefined),
    'module build.invalid/berth\ngo 1.26.3\nrequire m v1.0.0\n',
  );
  assert.throws(() => stagedGoMod(published, 'm', '1.0.0', undefined), /unknown form/);
});

test('the three programs of a release lie beside each other, each with its checksum', () => {
  const { kubelet, kubectl } = kubernetesSpecs;
  assert.equal(kubelet.releaseAddress('1.37.2', 'arm64'), 'https://dl.k8s.io/v1.37.2/bin/linux/arm64');
  assert.deepEqual(kubelet.releaseNames(), { archive: 'kubelet', checksum: 'kubelet.sha256' });
  assert.equal(kubectl.archiveName('1.37.2', 'x64'), 'kubectl-v1.37.2-linux-amd64');
  assert.equal(kubelet.go.staging('1.37.2'), 'v0.37.2');
  assert.equal(kubelet.go.variables('1.37.2')['k8s.io/component-base/version.gitVersion'], 'v1.37.2');
});
