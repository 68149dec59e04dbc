import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { berth } from '../e2e/berth.ts';
import type { EmbeddedHost } from '../harness/embedded.ts';

/* What the tests with a real kubelet share. */

export const folderFor = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-kubernetes-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

/**
 * What a machine has and a container of it lacks: a log of the kernel, and keys of the kernel that a kubelet sets. Here it
 * finds them set, in files of the host's own: those of the machine around it stay as they are.
 */
export const likeAMachine = async (host: EmbeddedHost): Promise<void> => {
  await host.output(`
    [ -e /dev/kmsg ] || mknod /dev/kmsg c 1 3
    mkdir -p /run/keys-of-kernel
    set -- vm/overcommit_memory 1 vm/panic_on_oom 0 kernel/panic 10 kernel/panic_on_oops 1 \\
      kernel/keys/root_maxkeys 1000000 kernel/keys/root_maxbytes 25000000
    while [ $# -gt 0 ]; do
      file=/run/keys-of-kernel/$(echo "$1" | tr / .)
      echo "$2" > "$file"
      mount --bind "$file" "/proc/sys/$1"
      shift 2
    done`);
};

export const succeeds = async (...args: string[]): Promise<string> => {
  const { exitCode, output } = await berth(...args);
  assert.equal(exitCode, 0, output);
  return output;
};

/** Runs the script on a control plane, as its administrator. */
export const asAdmin = (host: EmbeddedHost, script: string): Promise<string> =>
  host.output(`export KUBECONFIG=/etc/kubernetes/admin.conf; ${script}`);

/** Runs the script until it succeeds; its words of the last time are in the failure. */
export const eventually = async (host: EmbeddedHost, script: string, seconds = 180): Promise<string> => {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const ended = await host.run(`export KUBECONFIG=/etc/kubernetes/admin.conf; ${script}`);
    if (ended.exitCode === 0) return ended.stdout;
    if (Date.now() > end) assert.fail(`not within ${seconds} s: ${script}\n${ended.stdout}${ended.stderr}`);
    await new Promise((done) => setTimeout(done, 1000));
  }
};

/** Puts another kubelet in the place of the one that berth installed; an apply puts it right. */
export const otherKubelet = `cp /usr/local/bin/kubelet /usr/local/bin/kubelet.new
printf x >> /usr/local/bin/kubelet.new
mv /usr/local/bin/kubelet.new /usr/local/bin/kubelet`;
