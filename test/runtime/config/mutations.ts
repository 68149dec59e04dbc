/** Texts near a good one, the same ones on every run: bytes flipped, taken out, doubled, swapped for awkward ones. */
export function* mutationsOf(text: string, count: number, seed = 1): Generator<string> {
  const random = pseudoRandom(seed);
  for (let number = 0; number < count; number += 1) {
    let mutant = text;
    for (let changes = 1 + (random() % 4); changes > 0; changes -= 1) mutant = mutate(mutant, random);
    yield mutant;
  }
}

const AWKWARD = [
  '\0',
  '\n',
  '"',
  "'",
  '[',
  ']',
  '{',
  '}',
  '=',
  '.',
  '#',
  '\\',
  ',',
  '-',
  '9'.repeat(30),
  '\u{10ffff}',
  '__proto__',
  'null',
  '[[',
  '1e999',
];

const mutate = (text: string, random: () => number): string => {
  const at = random() % (text.length + 1);
  const length = random() % 8;
  switch (random() % 4) {
    case 0:
      return text.slice(0, at) + text.slice(at + length);
    case 1:
      return text.slice(0, at) + text.slice(at, at + length).repeat(2) + text.slice(at + length);
    case 2:
      return text.slice(0, at) + AWKWARD[random() % AWKWARD.length] + text.slice(at);
    default:
      return text.slice(0, at) + String.fromCharCode(random() % 128) + text.slice(at + 1);
  }
};

/** Marsaglia's xorshift: good enough to wander, and the same everywhere. */
const pseudoRandom = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
};
