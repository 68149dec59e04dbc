/*
 * Text casts and pictures of real runs, for the README and the documentation: `node bench/recordings.ts [NAME…]` writes
 * docs/recordings/. Root, because the hosts are embedded ones. A new recording is one more entry of the list.
 */
import { fleetRecordings } from './recordings/fleet.ts';
import { quickstart } from './recordings/quickstart.ts';
import { type Recording, record } from './recordings/recorder.ts';
import { wizard } from './recordings/wizard.ts';

const recordings: readonly Recording[] = [...fleetRecordings, quickstart, wizard];

const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => recordings.every((recording) => recording.name !== name));
if (unknown !== undefined) {
  process.stderr.write(
    `there is no recording ${unknown}: ${recordings.map(({ name }) => name).join(', ')}\n`,
  );
  process.exit(10);
}
for (const recording of recordings) {
  if (wanted.length > 0 && !wanted.includes(recording.name)) continue;
  process.stdout.write(`recording ${recording.name}\n`);
  await record(recording);
}
