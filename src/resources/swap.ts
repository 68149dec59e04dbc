import { Fail } from '../core/fail.ts';
import { byteSize } from '../core/text.ts';
import type { SwapFact } from '../host/facts/health.ts';
import type { Facts } from '../host/facts/probe.ts';
import type { Change } from './change.ts';

/** What is swapped out must fit into memory again; the disk may be slow. */
const deadlineSeconds = 600;

/**
 * Swap areas that are in use now. That none comes back at the next boot is the matter of files.
 * @throws Fail `Unsupported` when memory cannot take back what lies in them
 */
export function planNoSwap({ health, system }: Facts): Change[] {
  const used = health.swaps.reduce((sum, { usedBytes }) => sum + usedBytes, 0);
  const { available } = system.memoryBytes;
  if (used > available)
    throw new Fail(
      'Unsupported',
      `${byteSize(used)} are swapped out, and only ${byteSize(available)} of memory are free to take them back`,
      { hint: 'End what uses the memory, or set spec.swap to keep.' },
    );
  return health.swaps.map((swap) => ({
    id: `swap:${swap.path}`,
    action: 'remove',
    summary: `stop swapping to ${swap.path} (${byteSize(swap.bytes)})`,
    origins: [{ kind: 'undo', name: `swap:${swap.path}`, argv: swapOn(swap) }],
    steps: [{ kind: 'run', argv: ['swapoff', swap.path], deadlineSeconds }],
  }));
}

/** Uses an area again that berth stopped, when no profile wants it stopped any more; `origin` as the host noted it. */
export function resumeSwap(
  origin: { readonly name: string; readonly script: string },
  facts: Facts,
): Change[] {
  const path = origin.name.slice('swap:'.length);
  if (!origin.name.startsWith('swap:') || facts.health.swaps.some((swap) => swap.path === path)) return [];
  return [
    {
      id: origin.name,
      action: 'start',
      summary: `swap to ${path} again`,
      steps: [{ kind: 'run', argv: ['sh', '-c', origin.script], deadlineSeconds }],
    },
  ];
}

/** A priority below zero is the kernel's own choice, which it makes again. */
function swapOn({ path, priority }: SwapFact): string[] {
  const options = priority >= 0 ? ['--priority', String(priority)] : [];
  return [
    'sh',
    '-c',
    // The device of a zram generator is gone after a reboot: what makes it is back with the next one.
    'path=$1; shift; grep -q "^$path[[:space:]]" /proc/swaps && exit 0; ' +
      '[ -e "$path" ] || { echo "$path comes back with the next boot"; exit 0; }; swapon "$@" "$path"',
    'sh',
    path,
    ...options,
  ];
}
