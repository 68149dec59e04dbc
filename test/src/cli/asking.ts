/* Asks on the terminal as a command does, and tells the answer as JSON: the other side of ask.test.ts. */
import { askSecret } from '../../../src/cli/ask.ts';
import { consent } from '../../../src/cli/consent.ts';
import { listenForInterrupts } from '../../../src/cli/interrupts.ts';
import { goOnUnheard, heedLostReaders } from '../../../src/cli/lost-readers.ts';
import { asFail } from '../../../src/core/as-fail.ts';
import { failureText } from '../../../src/faces/failure-text.ts';
import { openFace } from '../../../src/faces/open-face.ts';
import type { Plan } from '../../../src/resources/change.ts';

const change = {
  id: 'file:/etc/x',
  action: 'create',
  summary: 'create /etc/x',
  diff: '+++ /etc/x\n+content\n',
  steps: [],
} as const;
const plan: Plan = {
  version: 1,
  profile: 'x.yaml',
  hosts: [{ host: 'node-1', changes: [change], notes: [] }],
};

const ask = async (what: string | undefined, signal: AbortSignal): Promise<unknown> => {
  if (what === 'secret') return await askSecret('sudo password of node-1', signal);
  const face = await openFace({ json: false, ci: false, verbose: false });
  face.emit({ kind: 'phase-started', host: 'node-1', phase: 'plan' });
  const options = { yes: false, json: false, ci: false, verbose: false, stats: false, parallel: 1 };
  const agreed = await consent(plan, 'Apply these changes?', options, face, signal);
  face.end(0);
  return agreed;
};

heedLostReaders();
goOnUnheard();
using interrupts = listenForInterrupts(() => undefined);
try {
  process.stdout.write(`answer ${JSON.stringify(await ask(process.argv[2], interrupts.signal))}\n`);
} catch (error) {
  const fail = asFail(error);
  process.stdout.write(failureText(fail, { style: (_format, text) => text, verbose: false }));
  process.stdout.write(`failed ${fail.code}\n`);
}
process.exit(0);
