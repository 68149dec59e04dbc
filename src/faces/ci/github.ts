import type { Annotation, Dialect } from './dialect.ts';

/*
 * Workflow commands of GitHub Actions, as its runner reads them: lines of either stream that begin with `::`, or that have
 * `##[` anywhere (https://docs.github.com/actions/reference/workflow-commands-for-github-actions).
 */

const data = (text: string): string =>
  text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');

const property = (text: string): string => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');

const properties = ({ title, at }: Annotation): string =>
  Object.entries({
    ...(at === undefined ? {} : { file: at.file, line: String(at.line), col: String(at.column) }),
    title,
  })
    .map(([name, value]) => `${name}=${property(value)}`)
    .join(',');

/** The runner skips blanks before it looks for a command. */
const quoted = (text: string): string => text.replace(/^(\s*)::/gm, '$1: :').replaceAll('##[', '## [');

const marks = (title: string) => ({
  open: () => `::group::${data(title)}\n`,
  close: () => '::endgroup::\n',
});

export const github: Dialect = {
  group: marks,
  folded(title, text) {
    const { open, close } = marks(title);
    return `${open()}${quoted(text)}${close()}`;
  },
  annotation: (annotation) =>
    `::${annotation.level} ${properties(annotation)}::${data(annotation.message)}\n`,
  quoted,
};

/** Has the runner mask `secret`, in whole and in each of its lines, in everything that the job prints from then on. */
export const maskCommand = (secret: string): string => `::add-mask::${data(secret)}\n`;
