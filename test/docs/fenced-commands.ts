/** A command of a page, as somebody would type it. */
export interface FencedCommand {
  readonly page: string;
  readonly line: number;
  readonly command: string;
}

/** What stands after it is said to people. */
const withoutComment = (line: string): string => line.replace(/(^|\s)#\s.*$/, '').trimEnd();

/**
 * The commands in a page: every line of a block marked `sh`, and in other blocks what follows a `$ `. The lines of a here
 * document belong to its command.
 */
export const fencedCommands = (page: string, text: string): FencedCommand[] => {
  const commands: FencedCommand[] = [];
  let language: string | undefined;
  let end: string | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const fence = /^```(\S*)/.exec(line);
    if (fence) {
      language = language === undefined ? (fence[1] ?? '') : undefined;
      continue;
    }
    if (language === undefined) continue;
    if (end !== undefined) {
      if (line === end) end = undefined;
      continue;
    }
    const typed = language === 'sh' ? line : language === '' ? /^\$ (.*)$/.exec(line)?.[1] : undefined;
    if (typed === undefined) continue;
    const command = withoutComment(typed).trim();
    if (command === '') continue;
    end = /<<'?(\w+)'?$/.exec(command)?.[1];
    commands.push({ page, line: index + 1, command });
  }
  return commands;
};
