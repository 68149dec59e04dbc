import { type Lines, linesOf } from './lines.ts';

export interface KernelFacts {
  /** `active`: loaded or built in. `available`: modprobe would find it. */
  readonly modules: ReadonlyMap<string, 'active' | 'available' | 'missing'>;
  /** The host has the module tree of its running kernel; a container that shares a kernel has none. */
  readonly hasModuleTree: boolean;
  readonly sysctls: ReadonlyMap<string, SysctlFact>;
  /** Of the network interfaces asked for, those that exist. */
  readonly interfaces: ReadonlySet<string>;
}

export interface SysctlFact {
  /** Undefined: the kernel has no such key (yet: a module may bring it). */
  readonly value: string | undefined;
  readonly writable: boolean;
}

/** The file of a key: dots separate, unless the key is written with slashes (sysctl.d(5)). */
export const sysctlPath = (key: string): string => {
  const first = /[./]/.exec(key)?.[0];
  const swapped = first === '/' ? key : key.replace(/[./]/g, (separator) => (separator === '.' ? '/' : '.'));
  return `/proc/sys/${swapped}`;
};

export const parseKernel = (lines: Lines): KernelFacts => ({
  modules: new Map(
    linesOf(lines, 'module').map(([name = '', state]) => [
      name,
      state === 'active' || state === 'available' ? state : 'missing',
    ]),
  ),
  hasModuleTree: linesOf(lines, 'tree').length > 0,
  sysctls: new Map(
    linesOf(lines, 'sysctl').map(([key = '', writable, value]) => [
      key,
      {
        value: writable === 'absent' ? undefined : normalSpace(value ?? ''),
        writable: writable === 'yes',
      },
    ]),
  ),
  interfaces: new Set(linesOf(lines, 'interface').map(([name = '']) => name)),
});

/** The kernel separates the numbers of a key by tabs, people write spaces. */
export const normalSpace = (value: string): string => value.trim().replace(/\s+/g, ' ');
