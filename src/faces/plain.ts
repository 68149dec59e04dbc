import { type Event, isRed } from '../core/events.ts';
import { byteSize, counted, duration, printable } from '../core/text.ts';
import { type Dialect, timestamp } from './ci/dialect.ts';
import { makeGroups } from './ci/groups.ts';
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
      case 'run-started':
      case 'command-ended':
        return undefined;
      case 'command':
        return verbose ? `$   ${event.command}` : undefined;
      case 'phase-started':
        return event.total === undefined ? event.phase : `${event.phase}: ${counted(event.total, 'step')}`;
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

/** Lines as they come, for pipes and logs: each with its time, in groups, and nothing is taken back. */
export const plainProgress = (
  out: NodeJS.WritableStream,
  options: {
    readonly style: Style;
    readonly verbose: boolean;
    readonly dialect: Dialect;
    readonly now?: () => Date;
  },
): Progress => {
  const { style, dialect, now = () => new Date() } = options;
  const wordingOf = makeWording(options.verbose);
  const groups = makeGroups((text) => out.write(text), dialect, now);
  const tell = (event: Event): void => {
    const text = wordingOf(event);
    if (text === undefined) return;
    const host = 'host' in event && event.host !== undefined ? `${style('bold', event.host)}  ` : '';
    out.write(dialect.quoted(`${timestamp(now())}  ${host}${printable(text)}\n`));
  };
  return {
    emit(event) {
      groups.before(event);
      tell(event);
      groups.after(event);
    },
    pause: () => groups.end(),
  };
};
