import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { commandOutput, type Ended, runCommand } from '../../src/core/command.ts';
import { endChild } from '../harness/end-child.ts';
import { freePort } from '../harness/free-port.ts';
import type { Image } from './image.ts';

const signal = new AbortController().signal;
const bootDeadlineMilliseconds = 600_000;

/** A running virtual machine; emulated, so that it needs no virtualisation of the processor. */
export interface Machine {
  /** Where its sshd listens on this machine's loopback. */
  readonly port: number;
  /** Runs a script with sh as root in the machine. */
  run(script: string, deadlineSeconds?: number): Promise<Ended>;
  /** The same; throws when it fails. */
  output(script: string, deadlineSeconds?: number): Promise<string>;
  /** Reboots it, and waits until its systemd has settled. */
  reboot(): Promise<void>;
  /** Ends it and removes its disks. */
  remove(): Promise<void>;
}

export interface Options {
  /** Makes further disks in a folder. */
  readonly more?: (folder: string) => Promise<readonly string[]>;
  /**
   * One thread emulates both processors. With two, QEMU 7.2 now and then runs a function that WebAssembly of V8 has replaced
   * and freed, and Node ends with SIGSEGV or SIGTRAP: one in twelve of those that strip the types of 150 files. Bundles
   * have no types, so that a machine that runs nothing but a release does well with two.
   */
  readonly oneThread?: boolean;
}

/** Boots a machine of its own on a copy-on-write layer over the image. */
export async function bootMachine(
  image: Image,
  { more = async () => [], oneThread = false }: Options = {},
): Promise<Machine> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-vm-'));
  let qemu: ChildProcess | undefined;
  const remove = async (): Promise<void> => {
    if (qemu !== undefined) await endChild(qemu);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const port = await freePort();
    const layer = join(folder, 'disk.qcow2');
    await output(['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', image.disk, layer]);
    const disks = await more(folder);
    // It ends with this process, however this ends.
    qemu = spawn(
      'setpriv',
      ['--pdeathsig', 'KILL', '--', 'qemu-system-x86_64'].concat(
        ['-accel', `tcg,thread=${oneThread ? 'single' : 'multi'}`],
        // No AVX: with it, V8 now and then ends with SIGSEGV in the emulation of QEMU 7.2, which was its first.
        ['-machine', 'q35', '-cpu', 'Nehalem', '-smp', '2', '-m', '4096', '-nodefaults', '-display', 'none'],
        ['-kernel', image.kernel, '-initrd', image.initrd, '-serial', `file:${join(folder, 'console')}`],
        ['-append', 'root=/dev/vda rw console=ttyS0 quiet net.ifnames=0'],
        ['-drive', `if=virtio,format=qcow2,file=${layer},cache=unsafe`],
        disks.flatMap((file) => ['-drive', `if=virtio,format=raw,file=${file},cache=unsafe`]),
        ['-netdev', `user,id=net,hostfwd=tcp:127.0.0.1:${port}-:22`],
        ['-device', 'virtio-net-pci,netdev=net', '-device', 'virtio-rng-pci'],
      ),
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    return { port, ...(await reach(port, image)), remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function reach(port: number, image: Image): Promise<Omit<Machine, 'remove' | 'port'>> {
  const ssh = ['ssh', '-q', '-F', 'none', '-i', image.identity, '-p', String(port)].concat(
    // A machine of this test alone, behind a port of the loopback.
    [
      'StrictHostKeyChecking=no',
      'UserKnownHostsFile=/dev/null',
      'BatchMode=yes',
      'ConnectTimeout=30',
    ].flatMap((option) => ['-o', option]),
    ['-o', 'ServerAliveInterval=30', 'root@127.0.0.1', 'sh -s'],
  );
  const run = (script: string, deadlineSeconds = 300): Promise<Ended> =>
    runCommand(ssh, { signal, input: script, deadlineSeconds });
  const output = (script: string, deadlineSeconds = 300): Promise<string> =>
    commandOutput(ssh, { signal, input: script, deadlineSeconds });
  const booted = async (other: string): Promise<string> => {
    const until = Date.now() + bootDeadlineMilliseconds;
    for (;;) {
      const said = (await portSpeaks(port)) ? await run('cat /proc/sys/kernel/random/boot_id') : undefined;
      if (said?.exitCode === 0 && said.stdout !== other) break;
      if (Date.now() > until) throw new Error('the machine does not answer over ssh');
      await pause(1000);
    }
    await run('systemctl is-system-running --wait');
    return output('cat /proc/sys/kernel/random/boot_id');
  };
  let boot = await booted('');
  const reboot = async (): Promise<void> => {
    await run('systemctl --no-block reboot');
    boot = await booted(boot);
  };
  return { run, output, reboot };
}

/** qemu itself takes the connection; what tells that sshd is up is its greeting. */
function portSpeaks(port: number): Promise<boolean> {
  return new Promise((answer) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 20_000 });
    const end = (up: boolean): void => {
      socket.destroy();
      answer(up);
    };
    socket.once('data', () => end(true));
    for (const event of ['timeout', 'error', 'close']) socket.once(event, () => end(false));
  });
}

const output = (argv: readonly string[]): Promise<string> => commandOutput(argv, { signal });
