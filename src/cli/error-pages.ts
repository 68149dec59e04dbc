import type { FailCode } from '../core/fail.ts';

/** What `berth errors` and docs/errors.md say of a code. */
export interface ErrorPage {
  readonly cause: string;
  /** Messages as they are printed, with names and figures of an example. */
  readonly seen: readonly string[];
  readonly remedy: string;
}

/** Every code has a page: the compiler asks for it. */
export const errorPages: Readonly<Record<FailCode, ErrorPage>> = {
  BadProfile: {
    cause: 'A file of the profile cannot be read, or something in it is wrong.',
    seen: [
      'fleet.yaml:4:5: hosts[0].shh: unknown key; did you mean ssh?',
      'fleet.yaml: 2 problems in the profile',
    ],
    remedy:
      'Each problem is named with file, line and column, and most say what would be right. berth validate checks the ' +
      'profile again without asking a host; an editor that knows the JSON Schema (berth schema) finds most while you type.',
  },
  BadUsage: {
    cause:
      'The command line is wrong, a file that it names cannot be read or written or is damaged, a secret that the profile ' +
      'names is not there, or a question would have to be asked and nobody can be.',
    seen: [
      "unknown command 'plna'",
      '--hosts names node-2, which is no host and no group of fleet.yaml',
      'there is no terminal to ask on before hosts are changed',
    ],
    remedy: 'The hint names the option, file or variable. berth COMMAND --help has examples.',
  },
  Unreachable: {
    cause:
      'No connection to the host came about: its name, its address, the network, a firewall, or sshd does not run.',
    seen: [
      'node-1: 192.0.2.10:22 cannot be reached: the connection is refused',
      'node-1: 192.0.2.10:22 cannot be reached: no answer within 15 s',
      'node-1: 192.0.2.10:22 stalls: the SSH handshake did not come within 15 s',
    ],
    remedy:
      'Try ssh with the same user, address and jump hosts; berth hosts FILE shows what berth uses. Is the machine up, and ' +
      'does its sshd listen there? Nothing was changed on a host that was not reached.',
  },
  HostKeyUnknown: {
    cause: 'The known_hosts files have no key of this host, and berth never accepts one by itself.',
    seen: ['node-1: the host key of 192.0.2.10 is not known: ssh-ed25519 SHA256:…'],
    remedy:
      'Compare the fingerprint with one from a trusted way (the console of the machine: ssh-keygen -lf ' +
      '/etc/ssh/ssh_host_ed25519_key.pub), then add the line that the hint prints to known_hosts.',
  },
  HostKeyChanged: {
    cause:
      'The host shows another key than known_hosts has: it was installed anew, or somebody stands between.',
    seen: [
      'node-1: the host key of 192.0.2.10 changed: it shows ssh-ed25519 SHA256:…, but ~/.ssh/known_hosts:7 says …',
    ],
    remedy:
      'Find out why before anything else. When the machine was installed anew: ssh-keygen -R ADDRESS, then compare and add ' +
      'the new key as for HostKeyUnknown.',
  },
  AuthenticationFailed: {
    cause:
      'The host takes none of the keys and passwords that were offered, or a cloud refuses the credentials.',
    seen: ['node-1: ops@192.0.2.10:22 let us in with none of: ~/.ssh/id_ed25519: refused'],
    remedy:
      'The message lists what was tried. Put the public key into the authorized_keys of that user, or name the right user ' +
      'and key with ssh.user and ssh.identityFiles. In a pipeline: is the agent or the key file there at all?',
  },
  NoSudo: {
    cause: 'The login user is not root and does not become root.',
    seen: ['node-1: sudo did not make us root: sudo: a password is required'],
    remedy:
      'Give sudoPassword in the profile (an environment variable or a file in a pipeline), allow the user in sudoers with ' +
      'NOPASSWD, or log in as root.',
  },
  Unsupported: {
    cause:
      'The host cannot be what the profile wants (its architecture, its system, a file system, its clock), or this machine ' +
      'lacks a program that the way to it takes.',
    seen: [
      'node-1: /etc cannot be written to: /etc is mounted read-only',
      'node-2: there is no vagrant on this machine',
    ],
    remedy:
      'The message says what is in the way and the hint what would let it pass. Nothing was changed on that host, unless it comes from the verification.',
  },
  Locked: {
    cause: 'Another run of berth is at work on the host, or in the same folder of this machine.',
    seen: [
      'node-1: another apply is at work there: ops@desk since 2026-11-25T12:04:09Z as process 4711 there',
    ],
    remedy:
      'Wait until it has ended, or give --lock-timeout SECONDS. The lock lives as long as the connection of who holds it: one ' +
      'that vanished is given up after 90 seconds. There is nothing to delete by hand.',
  },
  DiskFull: {
    cause:
      'A file could not be written because the disk of the host, or its inodes, are used up; or the disk of this machine.',
    seen: [
      'node-1: write /etc/crictl.yaml: the disk is full: /etc/crictl.yaml',
      'the disk of this machine is full: ENOSPC: no space left on device, write',
      'report.xml cannot be written: ENOSPC: no space left on device, write',
    ],
    remedy:
      'Make room (on a host berth doctor names the file system) and run the same command again: it goes on. BERTH_CACHE ' +
      'names another place on this machine for what is fetched and built.',
  },
  PackageLock: {
    cause: 'The package manager of the host is held by another process for longer than berth waits.',
    seen: ['node-1: install runc: the package manager is locked by apt-get (pid 812)'],
    remedy:
      'It is often an unattended upgrade after boot: wait for it, or stop its timer for now, then run the same command again.',
  },
  ChecksumMismatch: {
    cause: 'Bytes are not the ones that are pinned, published or locked. They were thrown away.',
    seen: ['https://mirror.example.com/… has sha256 1f…; berth.lock has 9c… for crictl'],
    remedy:
      'Ask who runs the mirror or the proxy that the message names. A release that was replaced upstream is taken over ' +
      'knowingly with berth lock --upgrade NAME.',
  },
  NotLocked: {
    cause: 'There is a berth.lock, and the profile needs something that is not in it.',
    seen: ['berth.lock lacks crictl 1.36.0'],
    remedy: 'berth lock FILE adds it; look at what it changed, and keep the file in version control.',
  },
  Fetch: {
    cause: 'An artifact cannot be had: the address does not answer, has no such file, or no source is left.',
    seen: ['https://mirror.example.com/crictl-v1.37.0-linux-amd64.tar.gz: the server does not answer'],
    remedy:
      'Check the proxies (HTTPS_PROXY, NO_PROXY), name a mirror or a folder with BERTH_ARTIFACTS or spec.artifacts, or bring ' +
      'everything with berth bundle.',
  },
  CommandFailed: {
    cause: 'A program on the host, or one of this machine that berth needs, ran and said no.',
    seen: ['node-1: install runc: exit code 100', '$ apt-get -q -y … install runc'],
    remedy:
      'The message shows the command and the end of what it printed; --log-file has all of it. Mend the cause on the host and ' +
      'run the same command again: it goes on where it stopped.',
  },
  ConnectionLost: {
    cause: 'The connection broke while berth was at work.',
    seen: ['node-1: the connection to 192.0.2.10:22 is gone: read ECONNRESET'],
    remedy:
      'Run the same command again: the host finished or undid the step at work by itself, and the next run finishes the rest. ' +
      'Did the change touch the network? Then the host has undone it.',
  },
  HostMoved: {
    cause:
      'The host is not as it was when the plan was made, or is not as it should be although every change, or every step back, ' +
      'was made.',
    seen: [
      'node-1: the host is not as it was when the plan was made',
      'node-1: all changes were made, and the host still differs: write /etc/crictl.yaml',
    ],
    remedy:
      'A saved plan: plan again and look again. After an apply: something on the host works against it, such as another ' +
      'configuration management; berth drift shows who changed what.',
  },
  VerifyFailed: {
    cause: 'A check of the verification is red.',
    seen: ['one host did not pass the verification: node-1'],
    remedy:
      'Above it each red check shows what was seen, the journals and the likely remedy. berth doctor names known causes.',
  },
  RolledBack: {
    cause:
      'An apply left the host red, or failed with --rollback-on-failure, so the host went back to how it was before.',
    seen: ['one host did not pass the verification after the change, and went back: node-1'],
    remedy:
      'The host works as before. The red checks say what the change broke; --no-rollback leaves the host as it is, for study.',
  },
  CloudRefused: {
    cause:
      'The cloud does not make, start or delete a machine: a quota, a name that is taken, a right that is missing.',
    seen: [
      "node-1: making the instance node-1: Quota 'CPUS' exceeded. Limit: 8.0 in region europe-west1 (QUOTA_EXCEEDED)",
    ],
    remedy:
      'The message has the words of the cloud. Ask for the quota or the role there, or change the gce keys of the host.',
  },
  DeadlineExceeded: {
    cause:
      'Something took longer than it may: a step on a host that was reached, or a program of this machine.',
    seen: ['node-1: cloud-init is still at work after 600 s'],
    remedy:
      'The message says what and how long. See there what it waits for (load, disks, another program), then run the same ' +
      'command again.',
  },
  Cancelled: {
    cause: 'Somebody interrupted berth (Ctrl-C, SIGTERM, SIGHUP), or a question was not answered.',
    seen: ['interrupted by SIGTERM'],
    remedy:
      'Run the same command again: it finishes what is left. A job that is ended by its time limit looks the same.',
  },
  Internal: {
    cause: 'A fault of berth itself.',
    seen: ['unexpected: Cannot read properties of undefined'],
    remedy: 'Report it, with the text and the stack that stand below it. Running the command again is safe.',
  },
};
