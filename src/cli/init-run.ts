import { basename, dirname } from 'node:path';
import { Fail } from '../core/fail.ts';
import { readIfThere } from '../core/read-if-there.ts';
import { counted } from '../core/text.ts';
import { blankProfile } from '../faces/wizard/blank-profile.ts';
import { runWizard, type Written } from '../faces/wizard/wizard.ts';
import { quote } from '../host/quote.ts';
import { withEdit } from '../profile/edit-profile.ts';
import { resolveProfile } from '../profile/load-profile.ts';
import { profileFile, profileOf, resolveSources } from '../profile/parse-profile.ts';
import type { ProfileSources } from '../profile/profile.ts';
import { apply } from './apply.ts';
import { canAsk } from './ask.ts';
import { makeErrands } from './errands.ts';
import { exitCodes } from './exit-codes.ts';
import { listenForInterrupts } from './interrupts.ts';
import { ownCommand } from './own-command.ts';
import { runOnHosts } from './run-command.ts';
import { requireWritable, rewriteWhole, writeWhole } from './write-whole.ts';

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

const requireTerminal = (): void => {
  if (canAsk() && process.stdout.isTTY && process.env['TERM'] !== 'dumb') return;
  throw new Fail('BadUsage', 'the wizard needs a terminal that it can draw on', {
    hint: 'Copy an example from profiles/ and edit it; berth validate FILE says what is wrong with it.',
  });
};

/** `berth init FILE`; the answer is the exit code. */
export const init = async (file: string): Promise<number> => {
  requireTerminal();
  const isNew = (await readIfThere(file)) === undefined;
  await requireWritable(file);
  const sources = isNew ? blankProfile(file) : (await resolveProfile(file)).sources;
  const written = await asked(sources, isNew);
  if (written.ending === 'left') {
    say(
      isNew ? `Nothing was written: there is no ${file} yet.` : `Nothing was written: ${file} is as it was.`,
    );
    return exitCodes.cancelled;
  }
  await write(written, sources, isNew);
  tellCommands(written, sources, file);
  if (written.ending === 'write') {
    say(`What would change on the hosts:\n  ${ownCommand()} plan ${quote(file)}`);
    return exitCodes.done;
  }
  const options = { yes: false, json: false, ci: false, verbose: false, stats: false, parallel: 50 };
  return await runOnHosts(file, options, (context, face) => apply(context, face, options));
};

/** What does the same from a command line or a pipeline. */
const tellCommands = ({ files }: Written, sources: ProfileSources, file: string): void => {
  const { hosts } = profileOf(resolveSources(files.reduce(withEdit, sources)));
  const asks = hosts.filter(
    ({ sudoPassword, address }) =>
      sudoPassword?.kind === 'prompt' || (address.kind === 'ssh' && address.ssh.password?.kind === 'prompt'),
  );
  say(`The same without questions:\n  ${ownCommand()} apply ${quote(file)} --yes`);
  if (asks.length > 0)
    say(
      `It still asks for the passwords of ${counted(asks.length, 'host')}: a pipeline needs another source for them,\nas in sudoPassword: { env: NAME }.`,
    );
  if (hosts.some(({ spec }) => spec.kubernetes?.role === 'control-plane'))
    say(`Then the cluster:\n  ${ownCommand()} kubernetes up ${quote(file)}`);
};

const asked = async (sources: ProfileSources, isNew: boolean): Promise<Written> => {
  using interrupts = listenForInterrupts(() => {});
  const gone = new AbortController();
  const signal = AbortSignal.any([interrupts.signal, gone.signal]);
  try {
    return await runWizard({
      sources,
      isNew,
      errands: makeErrands(dirname(profileFile(sources.files)), signal),
      out: process.stdout,
      input: process.stdin,
      signal: interrupts.signal,
    });
  } finally {
    // What still runs for the wizard has nobody to answer to.
    gone.abort(new Fail('Cancelled', 'the wizard has ended'));
  }
};

/** Readable for whoever may read the folder, unless the file says otherwise already: secrets do not stand in profiles. */
const newMode = 0o644;

const write = async (written: Written, sources: ProfileSources, isNew: boolean): Promise<void> => {
  const { files } = written;
  for (const { file } of files) await requireUnchanged(file, isNew ? undefined : textIn(sources, file));
  // Before the first is written: a profile without the include that goes with it is a broken one.
  for (const { file } of files) await requireWritable(file);
  for (const { file, text } of files) {
    await (isNew ? writeWhole(file, text, newMode) : rewriteWhole(file, text));
    say(`Wrote ${file}: ${counted(text.trimEnd().split('\n').length, 'line')}.`);
  }
  if (files.length === 0) say(`${basename(sources.files.at(-1)?.file ?? '')} needed no change.`);
};

const textIn = (sources: ProfileSources, file: string): string | undefined =>
  sources.files.find((one) => one.file === file)?.text;

/** Somebody may have edited the file meanwhile, or made it: their work is not written over. */
const requireUnchanged = async (file: string, begun: string | undefined): Promise<void> => {
  const bytes = await readIfThere(file);
  // Without a byte order mark, as the profile was read.
  const now = bytes === undefined ? undefined : new TextDecoder().decode(bytes);
  if (now === begun) return;
  const what = begun === undefined ? 'was made' : 'was changed';
  throw new Fail(
    'BadUsage',
    `${file} ${what} by somebody else while the wizard was open; nothing was written`,
    {
      hint: `Run ${ownCommand()} init ${quote(file)} again: it begins with the file as it is now.`,
    },
  );
};
