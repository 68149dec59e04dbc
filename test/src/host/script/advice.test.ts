import assert from 'node:assert/strict';
import test from 'node:test';
import { describeFailure } from '../../../../src/host/script/outcome.ts';
import type { Step } from '../../../../src/host/script/step.ts';
import { packageManagers } from '../../../../src/resources/package-managers.ts';

const { apt, dnf } = packageManagers;

type RunStep = Extract<Step, { kind: 'run' }>;

const failureOf = (argv: readonly string[], output: string, more: Partial<RunStep> = {}) => {
  const step: Step = { kind: 'run', argv, deadlineSeconds: 5, locks: apt.locks, ...more };
  const failure = { kind: 'fail', reason: 'command', exitCode: 100, step: 0, detail: '', output } as const;
  return describeFailure('a', { id: 'packages', summary: 'install runc', steps: [step] }, failure);
};

const hintOf = (...said: Parameters<typeof failureOf>) => failureOf(...said).hint;

const install = [...apt.install, 'runc', 'socat'];

/** What apt-get, dpkg and dnf print, and what the advice must speak of. */
const said: readonly (readonly [string, RegExp])[] = [
  [
    'E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 812 (apt-get)',
    /holds its lock/,
  ],
  [
    'E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?',
    /holds its lock/,
  ],
  ["E: You don't have enough free space in /var/cache/apt/archives/.", /Free space/],
  ['dpkg: error: failed to write status database: No space left on device', /Free space/],
  ['Disk Requirements:\n   At least 12MB more space needed on the / filesystem.', /Free space/],
  [
    'E: List directory /var/lib/apt/lists/partial is missing. - Acquire (30: Read-only file system)',
    /read-only/,
  ],
  [
    "Err:1 http://deb.debian.org/debian bookworm InRelease\n  Temporary failure resolving 'deb.debian.org'\nE: Unable to fetch some archives, maybe run apt-get update",
    /does not reach/,
  ],
  [
    'W: Failed to fetch http://x/InRelease  Could not connect to x:80 (192.0.2.1). - connect (111: Connection refused)',
    /spec\.proxy/,
  ],
  [
    'Curl error (6): Could not resolve hostname for https://mirrors.fedoraproject.org/metalink',
    /does not reach/,
  ],
  ['E: Failed to fetch http://x/runc_1.1.5_amd64.deb  404  Not Found [IP: 192.0.2.1 80]', /apt-get update/],
  [
    'The following packages have unmet dependencies:\n runc : Depends: libc6\nE: Unable to correct problems, you have held broken packages.',
    /apt-mark showhold/,
  ],
  [
    'Error: \n Problem: conflicting requests\n  - nothing provides container-selinux needed by runc',
    /dnf versionlock list/,
  ],
  ["E: The repository 'http://x bookworm InRelease' is not signed.", /key/],
  [
    "Err:1 http://x bookworm InRelease\n  403  Forbidden [IP: 192.0.2.1 80]\nE: The repository 'http://x bookworm InRelease' is not signed.",
    /refuses the host/,
  ],
  [
    "Err:2 http://x bokworm Release\n  404  Not Found [IP: 192.0.2.1 80]\nE: The repository 'http://x bokworm Release' does not have a Release file.",
    /nothing of that name/,
  ],
  [
    'dpkg: error processing package runc (--configure):\n installed runc package post-installation script subprocess returned error exit status 1',
    /script of a package/,
  ],
  [
    "E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem.",
    /dpkg --configure -a/,
  ],
];

test('what a package manager said has its advice, how to see it, and that berth goes on', () => {
  for (const [output, about] of said) {
    const hint = hintOf(install, output) ?? '';
    assert.match(hint, about, output);
    assert.match(hint, / See it on the host with: apt-get install runc socat\./, output);
    assert.match(hint, / Mend it, then run the same command again: it goes on where this one stopped\.$/);
  }
});

/** What apt-get, dpkg and dnf print, and the cause among it. */
const causes: readonly (readonly [string, string])[] = [
  [
    'No match for argument: jqq\nError: Unable to find a match: jqq\nno repository of the host has jqq',
    'no repository of the host has jqq',
  ],
  [
    "Err:1 http://x bookworm InRelease\n  403  Forbidden [IP: 192.0.2.1 80]\nE: Failed to fetch http://x/InRelease  403  Forbidden [IP: 192.0.2.1 80]\nE: The repository 'http://x bookworm InRelease' is not signed.",
    'E: Failed to fetch http://x/InRelease  403  Forbidden [IP: 192.0.2.1 80]',
  ],
  [
    "W: Failed to fetch http://x/InRelease  Temporary failure resolving 'x'\nE: Some index files failed to download. They have been ignored, or old ones used instead.",
    "W: Failed to fetch http://x/InRelease  Temporary failure resolving 'x'",
  ],
  [
    "W: GPG error: http://x bookworm InRelease: The following signatures couldn't be verified: NO_PUBKEY 1F\nE: The repository 'http://x bookworm InRelease' is not signed.",
    "W: GPG error: http://x bookworm InRelease: The following signatures couldn't be verified: NO_PUBKEY 1F",
  ],
  [
    'E: Could not get lock /var/lib/dpkg/lock. It is held by process 812 (apt-get)\nE: Unable to lock the administration directory',
    'E: Could not get lock /var/lib/dpkg/lock. It is held by process 812 (apt-get)',
  ],
  [
    'The following packages have unmet dependencies:\n runc : Depends: libc6 (>= 2.38) but 2.36 is to be installed\nE: Unable to correct problems, you have held broken packages.',
    'The following packages have unmet dependencies: runc : Depends: libc6 (>= 2.38) but 2.36 is to be installed',
  ],
  [
    'Setting up runc (1.1.5) ...\ndpkg: error processing package runc (--configure):\n installed runc package post-installation script subprocess returned error exit status 1\nErrors were encountered while processing:\n runc\nE: Sub-process /usr/bin/dpkg returned an error code (1)',
    'dpkg: error processing package runc (--configure): installed runc package post-installation script subprocess returned error exit status 1',
  ],
  [
    "Errors during downloading metadata for repository 'base':\n  - Status code: 403 for https://x/repomd.xml (IP: 192.0.2.1)\nError: Failed to download metadata for repo 'base': Cannot download repomd.xml",
    "Errors during downloading metadata for repository 'base': - Status code: 403 for https://x/repomd.xml (IP: 192.0.2.1)",
  ],
  [
    'Error: \n Problem: conflicting requests\n  - nothing provides container-selinux needed by runc-1.1.5.x86_64',
    'Error: Problem: conflicting requests - nothing provides container-selinux needed by runc-1.1.5.x86_64',
  ],
  [
    'Error: Transaction test error:\n  installing package runc needs 12MB more space on the / filesystem\n\nError Summary\n-------------\nDisk Requirements:\n   At least 12MB more space needed on the / filesystem.',
    'Error: Transaction test error: installing package runc needs 12MB more space on the / filesystem',
  ],
  [
    'Error: Transaction failed\nwarning: %post(runc-1.1.5.x86_64) scriptlet failed, exit status 1',
    'warning: %post(runc-1.1.5.x86_64) scriptlet failed, exit status 1',
  ],
  [
    'warning: %post(runc-1.1.5.x86_64) scriptlet failed, exit status 1\nthe installation script of runc failed',
    'the installation script of runc failed',
  ],
  ['nothing that we know\nand its last line', 'and its last line'],
];

test('of all that a package manager said the message has the cause, and not what followed from it', () => {
  for (const [output, cause] of causes)
    assert.equal(failureOf(install, output).message, `a: install runc: exit code 100: ${cause}`);
  const of = failureOf(['kubeadm', 'join'], 'E: first\nE: last', { locks: [] });
  assert.equal(of.message, 'a: install runc: exit code 100: E: last');
});

test('what nobody foresaw is to be seen by the command as a person types it', () => {
  const ending = 'Mend it, then run the same command again: it goes on where this one stopped.';
  const typed = (argv: readonly string[]) => hintOf(argv, 'E: something else');
  assert.equal(typed(install), `See it on the host with: apt-get install runc socat. ${ending}`);
  assert.equal(typed(apt.refresh ?? []), `See it on the host with: apt-get update. ${ending}`);
  assert.equal(
    typed(apt.repair([])),
    `See it on the host with: dpkg --configure -a --force-confdef --force-confold. ${ending}`,
  );
  assert.equal(typed([...dnf.install, 'runc']), `See it on the host with: dnf install runc. ${ending}`);
  assert.equal(
    typed(dnf.exchange([['cri-o', '1.35.*']])),
    `See it on the host with: dnf install 'cri-o-1.35.*'. ${ending}`,
  );
});

test('what the plan knows of an exit code comes first, and other programs are none of this', () => {
  assert.equal(hintOf(install, 'E: dpkg was interrupted', { hints: { 100: 'do that' } }), 'do that');
  assert.equal(hintOf(['systemctl', 'start', 'x'], 'No space left on device', { locks: [] }), undefined);
});
