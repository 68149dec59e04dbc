import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { Fail } from '../core/fail.ts';
import { asFail } from './as-fail.ts';

/**
 * Replaces a file of root's alone in one step: whoever reads it, and whoever is killed, finds the former text or this
 * one. For a tmpfs, which forgets nothing but at a reboot: nothing is synced. A failure leaves nothing behind, and is
 * `ResourceExhausted` for want of room.
 */
export function replaceFile(path: string, text: string): void {
  const beside = `${path}.new`;
  try {
    writeFileSync(beside, text, { mode: 0o600 });
    renameSync(beside, path);
  } catch (cause) {
    rmSync(beside, { force: true });
    const { code, hint } = asFail(cause);
    // A write that fails names no file.
    throw new Fail(code, `cannot write ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
      ...(hint === undefined ? {} : { hint }),
    });
  }
}
