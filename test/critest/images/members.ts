import type { TarMember } from '../../harness/tar.ts';

export const folder = (path: string, mode = 0o755): TarMember => ({ path, mode, flag: '5' });

export const text = (path: string, body: string): TarMember => ({ path, body, mode: 0o644 });
