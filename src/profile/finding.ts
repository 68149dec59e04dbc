/** A problem before its place in the file is known. */
export interface Finding {
  readonly path: readonly (string | number)[];
  /** Whether the key at the end of the path is wrong, its value, or that a variable is used there. */
  readonly at: 'key' | 'value' | 'use';
  readonly message: string;
}

/** `hosts[1].ssh.port`, as the messages write it. */
export const pathText = (path: Finding['path']): string =>
  path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`))
    .join('');
