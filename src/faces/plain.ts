import { type Event, isRed } from '../core/events.ts';
import { byteSize, duration, printable } from '../core/text.ts';
import type { Progress } from './progress.ts';
import type { Style } from './style.ts';

/** Identifier of something on a host, unique over all hosts. */
const onHost = (event: { readonly host: string; readonly id: string }): string =>
  `${event.host}\0${event.id}`;

const marked = (failed: boolean, text: string): string => `${failed ? 'failed' : 'ok'}  ${text}`;

/** The wording of events; it remembers what a step was called and how large it is until the step ends. */
const makeWording = (verbose: boolean): ((event: Event) => string | undefined) => {
  const titles = new Map<string, string>();
  const sizes = new Map<string, number>();

  const stepEnded = (event: Extract<Event, { kind: 'step-ended' }>): string => {
    const key = onHost(event);
    const title = titles.get(key) ?? event.id;
    const size = sizes.get(key);
    titles.delete(key);
    sizes.delete(key);
    const sized = size === undefined ? '' : `, ${byteSize(size)}`;
    const detail = event.detail === undefined ? '' : `: ${event.detail}`;
    return marked(event.failed, `${title} (${duration(event.milliseconds)}${sized})${detail}`);
  };

  return (event) => {
    switch (event.kind) {
      case 'phase-started':
        return event.total === undefined ? event.phase : `${event.phase}: ${event.total} steps`;
      case 'phase-ended':
        return marked(event.failed, `${event.phase} (${duration(event.milliseconds)})`);
      case 'step-started':
        titles.set(onHost(event), event.title);
        return verbose ? `…   ${event.title}` : undefined;
      case 'step-ended':
        return stepEnded(event);
      case 'bytes':
        sizes.set(onHost(event), event.total);
        return undefined;
      case 'note':
        return event.level === 'debug' && !verbose ? undefined : `${event.level}: ${event.message}`;
      case 'checked': {
        const { id, notRun, detail, milliseconds } = event.check;
        const text = `${id}: ${detail} (${duration(milliseconds)})`;
        return notRun ? `–   ${text}` : marked(isRed(event.check), text);
      }
      case 'failed':
        // The face that holds this printer tells failures in full.
        return undefined;
    }
  };
};

/** Lines as they come, for pipes and logs: no timestamps, nothing is taken back. */
export const plainProgress = (
  out: NodeJS.WritableStream,
  options: { readonly style: Style; readonly verbose: boolean },
): Progress => {
  const wordingOf = makeWording(options.verbose);
  return {
    emit(event) {
      const text = wordingOf(event);
      if (text === undefined) return;
      const host =
        'host' in event && event.host !== undefined ? `${options.style('bold', event.host)}  ` : '';
      out.write(`${host}${printable(text)}\n`);
    },
    pause: () => undefined,
  };
};
