/**
 * What the probe printed for one topic: lines of fields, the first names the kind of line.
 * probe.sh says what each kind holds.
 */
export type Lines = readonly (readonly string[])[];

export const decode = (field: string | undefined): Buffer => Buffer.from(field ?? '', 'base64');

/** The lines of one kind, without the kind. */
export const linesOf = (lines: Lines, kind: string): string[][] =>
  lines.filter(([first]) => first === kind).map((line) => line.slice(1));

/** The first field of the only line of a kind; empty when the host printed none. */
export const fieldOf = (lines: Lines, kind: string): string => linesOf(lines, kind)[0]?.[0] ?? '';
