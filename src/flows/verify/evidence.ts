import type { Check } from '../../core/events.ts';
import type { Connection } from '../../host/transport/connection.ts';
import type { Frame } from './frame.ts';

export type Evidence = NonNullable<Check['evidence']>;

const journalScript = (units: readonly string[]): string =>
  units
    .map(
      (unit) =>
        `printf '\\036%s\\n' ${unit}; timeout 10 journalctl -u ${unit} -n 30 --no-pager -o short-precise 2>&1 | head -c 32768`,
    )
    .join('\n');

/** What is run for it, in one line that a person could type. */
export const journalsCommand = (units: readonly string[]): string =>
  `journalctl ${units.map((unit) => `-u ${unit}`).join(' ')} -n 30`;

/** What the step itself printed. */
export const ownEvidence = (frame: Frame): Evidence =>
  [
    { title: 'what it printed', text: frame.stdout },
    { title: 'what it complained', text: frame.stderr },
  ].filter(({ text }) => text.trim() !== '');

/** The last lines of the daemons' journals, in one round trip. */
export const journals = async (
  connection: Connection,
  units: readonly string[],
  signal: AbortSignal,
): Promise<Evidence> => {
  const { stdout } = await connection.sh(journalScript(units), { signal });
  return stdout
    .split('\u001e')
    .slice(1)
    .map((part) => {
      const [unit = '', ...lines] = part.split('\n');
      return { title: `journal of ${unit}`, text: lines.join('\n') };
    });
};
