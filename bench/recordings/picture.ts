import { stripVTControlCharacters } from 'node:util';

/** How a character looks, as SGR sequences say it (ECMA-48, 8.3.117). */
interface Look {
  readonly colour: string | undefined;
  readonly bold: boolean;
  readonly dim: boolean;
  readonly inverse: boolean;
}

interface Span {
  readonly column: number;
  readonly text: string;
  readonly look: Look;
}

const bare: Look = { colour: undefined, bold: false, dim: false, inverse: false };
const background = '#16181d';
const foreground = '#d7dae0';
/** Black to white, as 30 to 37 and 90 to 97 name them. */
const palette = ['#5c6370', '#ef6b73', '#98c379', '#e5c07b', '#61afef', '#c678dd', '#56b6c2', '#d7dae0'];

const cell = { width: 8.4, height: 18 } as const;
const margin = 14;

const changed = (look: Look, code: number): Look => {
  if (code === 0) return bare;
  if (code === 1) return { ...look, bold: true };
  if (code === 2) return { ...look, dim: true };
  if (code === 7) return { ...look, inverse: true };
  if (code === 22) return { ...look, bold: false, dim: false };
  if (code === 27) return { ...look, inverse: false };
  if (code === 39) return { ...look, colour: undefined };
  const colour = palette[(code >= 90 ? code - 90 : code - 30) % 8];
  return (code >= 30 && code <= 37) || (code >= 90 && code <= 97) ? { ...look, colour } : look;
};

/** The spans of all rows; a look lasts beyond the end of a row. */
const spansOf = (screen: string): readonly (readonly Span[])[] => {
  let look = bare;
  return screen.split('\n').map((row) => {
    const spans: Span[] = [];
    let column = 0;
    for (const [, codes, text = ''] of row.matchAll(/\u001b\[([\d;]*)m|([^\u001b]+|\u001b)/g)) {
      if (codes !== undefined) look = codes.split(';').map(Number).reduce(changed, look);
      else {
        spans.push({ column, text, look });
        column += stripVTControlCharacters(text).length;
      }
    }
    return spans;
  });
};

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

const textOf = ({ column, text, look }: Span, row: number): string => {
  const { colour, bold, dim, inverse } = look;
  const attributes = [
    `x="${(margin + column * cell.width).toFixed(1)}"`,
    `y="${margin + row * cell.height + 13}"`,
    // Fonts differ in how wide they are; the columns of a terminal do not.
    `textLength="${(text.length * cell.width).toFixed(1)}" lengthAdjust="spacingAndGlyphs"`,
    ...(inverse ? [`fill="${background}"`] : colour === undefined ? [] : [`fill="${colour}"`]),
    ...(bold ? ['font-weight="700"'] : []),
    ...(dim ? ['opacity=".6"'] : []),
  ];
  return `<text ${attributes.join(' ')}>${escaped(text)}</text>`;
};

/** A screen of a terminal, with the sequences that colour it, as SVG. */
export const svgOf = (
  screen: string,
  { columns, rows, title }: { readonly columns: number; readonly rows: number; readonly title: string },
): string => {
  const width = Math.ceil(columns * cell.width + 2 * margin);
  const height = rows * cell.height + 2 * margin;
  const texts = spansOf(screen).flatMap((spans, row) =>
    spans.filter(({ text }) => text.trim() !== '').map((span) => textOf(span, row)),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" rx="8" fill="${background}"/>`,
    `<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="14" fill="${foreground}" xml:space="preserve">`,
    ...texts,
    '</g></svg>',
    '',
  ].join('\n');
};
