/**
 * Where an apply stream is cut, in the words of its commands. `before`: the change is not begun. `middle`: half of a
 * file's bytes are sent, or the command runs. `after`: the change is done, and nothing more is sent.
 */
export type Position = 'before' | 'middle' | 'after';

export interface Cutter {
  /** What of `chunk` still goes to the host; `cut`: nothing more after it. */
  take(chunk: string | Buffer): { readonly pass: string | Buffer; readonly cut: boolean };
}

/**
 * Cuts a stream of executor.sh at the first change that was not cut at this position before; `onCut` learns its id.
 * `encodeWork` says what the commands look like: `begin ID`, a command for each step, bytes after a `put`, `finish`.
 */
export function cutter(
  visited: ReadonlySet<string>,
  position: Position,
  onCut: (id: string) => void,
): Cutter {
  let id: string | undefined;
  let over = false;
  let inStep = false;
  const cutAt = (pass: string | Buffer) => {
    over = true;
    onCut(id ?? '');
    return { pass, cut: true };
  };
  return {
    take(chunk) {
      if (over) return { pass: '', cut: true };
      const word =
        typeof chunk === 'string' || chunk.length < 4096 ? chunk.toString().trimEnd().split(' ') : [];
      const begins = word[0] === 'begin' ? word[1]?.replaceAll("'", '') : undefined;
      if (begins !== undefined) id = visited.has(begins) ? undefined : begins;
      if (id === undefined) return { pass: chunk, cut: false };
      if (begins !== undefined && position === 'before') return cutAt('');
      if (word[0] === 'finish' && (position === 'after' || position === 'middle')) return cutAt(chunk);
      if (position === 'middle') {
        // The bytes that follow a put are a chunk by themselves, and no command.
        if (inStep) return cutAt(chunk.length > 1 ? chunk.slice(0, chunk.length >> 1) : chunk);
        inStep = word[0] === 'put';
        if (word[0] === 'perform' || word[0] === 'copy' || word[0] === 'link' || word[0] === 'remove')
          return cutAt(chunk);
      }
      return { pass: chunk, cut: false };
    },
  };
}
