/**
 * The one place that quotes for a shell: POSIX sh, so dash and busybox understand it too.
 * Everything else in berth speaks argv.
 */
export const quote = (argument: string): string =>
  /^[A-Za-z0-9_@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", String.raw`'\''`)}'`;

export const quoteAll = (argv: readonly string[]): string => argv.map(quote).join(' ');

/**
 * `text` as one line that `printf %b` turns back into itself: `read` and `printf` are built into every
 * POSIX shell, so no program has to be there to carry a script over standard input.
 */
export const encodeLine = (text: string): string =>
  text.replaceAll('\\', String.raw`\\`).replaceAll('\n', String.raw`\n`);
