/** A command of a page, as somebody would type it. */
export interface FencedCommand {
  readonly page: string;
  readonly command: string;
}

/** What stands after it is said to people. */
const withoutComment = (line: string): string => line.replace(/(^|\s)#\s.*$/, '').trimEnd();

/** Lines that end in a backslash go on in the next one. */
const joined = (text: string): string => text.replace(/ *\\\n */g, ' ');

/** What a shell is told, where a block does not say so. */
const looksTyped =
  /^(?:berth (?![\w-]+:)|(?:npm|gcloud|kubectl|kubeadm|vagrant|minikube|sudo|curl|systemctl|crictl|git|ssh) )/;

const typedIn = (line: string): string | undefined =>
  /^\$ (.*)$/.exec(line)?.[1] ?? (looksTyped.test(line) ? line : undefined);

/**
 * The commands in a page: every line of a block marked `sh`, and in blocks without a mark what follows a `$ ` or looks
 * typed. The lines of a here document belong to its command.
 */
export const fencedCommands = (page: string, text: string): FencedCommand[] => {
  const commands: FencedCommand[] = [];
  let language: string | undefined;
  let end: string | undefined;
  for (const line of joined(text).split('\n')) {
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
    const typed = language === 'sh' ? line : language === '' ? typedIn(line) : undefined;
    if (typed === undefined) continue;
    const command = withoutComment(typed).trim();
    if (command === '') continue;
    end = /<<'?(\w+)'?$/.exec(command)?.[1];
    commands.push({ page, command });
  }
  return commands;
};
