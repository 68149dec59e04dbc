import { fileURLToPath } from 'node:url';
import type { Face } from '../faces/face.ts';
import type { FlowContext } from '../flows/context.ts';
import {
  isReady,
  planQuickstart,
  prepareQuickstart,
  removeQuickstart,
  requireRoot,
} from '../flows/quickstart.ts';
import { lockFolder } from '../inventory/embedded/lock.ts';
import { embeddedFolder } from '../inventory/embedded/places.ts';
import { apply } from './apply.ts';
import { exitCodes } from './exit-codes.ts';
import type { ChangeOptions } from './options.ts';
import { announcement, nextSteps } from './quickstart-text.ts';
import { runOnHosts } from './run-command.ts';
import { stopwatch } from './stopwatch.ts';

const profile = fileURLToPath(new URL('../../profiles/quickstart.yaml', import.meta.url));

const make = async (context: FlowContext, face: Face, options: ChangeOptions): Promise<number> => {
  requireRoot();
  await using _ = await lockFolder(embeddedFolder());
  const watch = stopwatch(context.emit);
  const watched = { ...context, emit: watch.emit };
  const plan = await planQuickstart(context);
  face.message(announcement(plan));
  await prepareQuickstart(watched, plan);
  const exitCode = await apply(watched, face, options);
  if (isReady(plan)) face.message('The embedded host was running already; nothing was put on this machine.');
  face.message(`${watch.table()}\n\n${nextSteps(plan, profile)}`);
  return exitCode;
};

const remove = async (context: FlowContext, face: Face): Promise<number> => {
  requireRoot();
  await using _ = await lockFolder(embeddedFolder());
  const kept = await removeQuickstart(context);
  for (const what of kept)
    context.emit({ kind: 'note', level: 'warn', message: `${what} stays: something else uses it by now` });
  face.message('The quick start is gone: host, network, cgroups, folder, installed packages.');
  return exitCodes.done;
};

/** `berth quickstart`, and with `gone` its removal; the answer is the exit code. */
export const runQuickstart = (gone: boolean, options: ChangeOptions): Promise<number> =>
  runOnHosts(profile, options, gone ? remove : (context, face) => make(context, face, options));
