import { runCommand } from '../core/command.ts';
import { Fail } from '../core/fail.ts';
import type { Change } from '../resources/change.ts';

/** What the shell said about a script that it does not understand; undefined: it does. */
type Judge = (script: string) => Promise<string | undefined>;

/**
 * Shell scripts have no parser but the shell: the one of this machine reads them, and runs nothing of them. Each script once.
 */
export function scriptJudge(signal: AbortSignal): Judge {
  const verdicts = new Map<string, Promise<string | undefined>>();
  const judge = async (script: string): Promise<string | undefined> => {
    const { exitCode, stderr } = await runCommand(['sh', '-n'], { signal, input: script });
    return exitCode === 0 ? undefined : stderr.trim() || `exit code ${exitCode}`;
  };
  return (script) => {
    const verdict = verdicts.get(script) ?? judge(script);
    verdicts.set(script, verdict);
    return verdict;
  };
}

const scriptsOf = ({ steps }: Change): { readonly path: string; readonly text: string }[] =>
  steps.flatMap((step) =>
    'content' in step && step.content.kind === 'text' && /^#! *\/bin\/sh\b/.test(step.content.text)
      ? [{ path: step.path, text: step.content.text }]
      : [],
  );

/** @throws Fail `BadProfile` for the first script among the changes that is none */
export async function requireScripts(changes: readonly Change[], judge: Judge): Promise<void> {
  for (const { path, text } of changes.flatMap(scriptsOf)) {
    const said = await judge(text);
    if (said === undefined) continue;
    throw new Fail('BadProfile', `what the template of ${path} makes is no shell script: ${said}`, {
      hint: 'Quote values in scripts with {{sh value}}; sh -n tells the same of the rendered file.',
      context: { path, text },
    });
  }
}
