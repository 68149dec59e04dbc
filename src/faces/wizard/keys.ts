/** What a person can do, whatever the terminal calls the key. */
export type KeyName =
  | 'up'
  | 'down'
  | 'left'
  | 'right'
  | 'home'
  | 'end'
  | 'enter'
  | 'back'
  | 'next'
  | 'previous'
  | 'erase'
  | 'delete'
  | 'clear'
  | 'scroll-up'
  | 'scroll-down'
  | 'suspend'
  | 'leave';

/** What ink says of a key, as far as it matters here. */
interface Pressed {
  readonly upArrow: boolean;
  readonly downArrow: boolean;
  readonly leftArrow: boolean;
  readonly rightArrow: boolean;
  readonly pageUp: boolean;
  readonly pageDown: boolean;
  readonly home: boolean;
  readonly end: boolean;
  readonly return: boolean;
  readonly escape: boolean;
  readonly tab: boolean;
  readonly shift: boolean;
  readonly ctrl: boolean;
  readonly backspace: boolean;
  readonly delete: boolean;
}

const withControl: Readonly<Record<string, KeyName>> = {
  c: 'leave',
  z: 'suspend',
  n: 'next',
  p: 'previous',
  u: 'clear',
  a: 'home',
  e: 'end',
  d: 'delete',
  h: 'erase',
};

/** The key that was pressed; undefined: text was typed, or nothing that means anything. */
export const keyOf = (input: string, key: Pressed): KeyName | undefined => {
  if (key.ctrl) return withControl[input];
  if (key.tab) return key.shift ? 'up' : 'down';
  if (key.upArrow) return 'up';
  if (key.downArrow) return 'down';
  if (key.leftArrow) return 'left';
  if (key.rightArrow) return 'right';
  if (key.pageUp) return 'scroll-up';
  if (key.pageDown) return 'scroll-down';
  if (key.home) return 'home';
  if (key.end) return 'end';
  if (key.return) return 'enter';
  if (key.escape) return 'back';
  if (key.backspace) return 'erase';
  return key.delete ? 'delete' : undefined;
};

export type TypedPiece =
  | { readonly kind: 'typed' | 'pasted'; readonly text: string }
  | { readonly kind: 'key'; readonly key: KeyName };

/** The key of a control character: a letter with Control is that letter without the bits above 0x1f. */
const keyCharacters: ReadonlyMap<string, KeyName> = new Map([
  ...Object.entries(withControl).map(
    ([letter, key]) => [String.fromCharCode(letter.charCodeAt(0) & 0x1f), key] as const,
  ),
  ['\n', 'enter'],
  ['\t', 'down'],
]);

const controls = /([\u0000-\u001f\u007f-\u009f])/;

/**
 * What was typed, in pieces: a terminal that is slow, or was not listened to yet, hands over several keys at once, Enter and
 * Ctrl-U among them. Several lines at once are a paste of a terminal that does not say so.
 */
export const typedPieces = (input: string): readonly TypedPiece[] => {
  const lines = input.replace(/\r\n?/g, '\n');
  const text = lines.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '');
  if (/\n./.test(text)) return [{ kind: 'pasted', text }];
  return lines.split(controls).flatMap((piece): TypedPiece[] => {
    const key = keyCharacters.get(piece);
    if (key !== undefined) return [{ kind: 'key', key }];
    return piece === '' || controls.test(piece) ? [] : [{ kind: 'typed', text: piece }];
  });
};
