import type { Examined } from './cause.ts';
import { causes } from './causes.ts';

/** What a person should know before hosts are changed, from the facts of the apply's own probe. */
export const doctorNotes = (examined: Examined): string[] =>
  causes
    .filter(({ beforeChanges }) => beforeChanges)
    .flatMap(({ code, name, find }) =>
      find(examined)
        .filter(({ level }) => level !== 'info')
        .map(({ evidence, remedy }) => `${code} ${name}: ${evidence}. ${remedy}`),
    );
