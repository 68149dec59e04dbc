import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { isDeepStrictEqual, stripVTControlCharacters, styleText } from 'node:util';
import { renderToString } from 'ink';
import { createElement } from 'react';
import type { Style } from '../../../../src/faces/style.ts';
import { frameOf, type Size, withinReach } from '../../../../src/faces/wizard/frame.ts';
import { focused } from '../../../../src/faces/wizard/pages.ts';
import { Picture } from '../../../../src/faces/wizard/screen.ts';
import { spokenLines } from '../../../../src/faces/wizard/spoken.ts';
import { stepNames, type WizardState, wizardState } from '../../../../src/faces/wizard/state.ts';
import {
  allMet,
  at,
  editing,
  fresh,
  metAs,
  onTo,
  pressed,
  pressedAt,
  rows,
  told,
  typed,
  typedAt,
  unknownKey,
  withHosts,
} from './sitting.ts';

/** BERTH_TEST_WRITE_FRAMES=1 writes the pictures anew; look at them before you commit them. */
const writes = process.env['BERTH_TEST_WRITE_FRAMES'] === '1';

const sizes: readonly Size[] = [
  { columns: 80, rows: 24 },
  { columns: 120, rows: 40 },
  { columns: 40, rows: 20 },
];

const coloured: Style = (format, text) => styleText(format, text, { validateStream: false });
const plain: Style = (_format, text) => text;

const drawn = (state: WizardState, size: Size, style: Style): string =>
  renderToString(createElement(Picture, { frame: frameOf(state, size), style }), size);

const sameAs = (name: string, picture: string): void => {
  const file = new URL(`screens/${name}.txt`, import.meta.url);
  if (writes) writeFileSync(file, `${picture}\n`);
  assert.ok(existsSync(file), `${file.pathname} is missing: run once with BERTH_TEST_WRITE_FRAMES=1`);
  assert.equal(`${picture}\n`, readFileSync(file, 'utf8'));
};

/** The pages as somebody sees them on the way from nothing to the review. */
const story = (): ReadonlyMap<string, WizardState> => {
  const seen = new Map<string, WizardState>();
  const keep = (name: string, state: WizardState): WizardState => {
    seen.set(name, state);
    return state;
  };
  keep('hosts-none', fresh());
  keep('hosts-wrong', typed(fresh(), 'ops@192.0.2.10:2x'));
  const hosts = keep('hosts', withHosts(fresh(), 'ops@192.0.2.10', 'db=ops@db.example.net:2222'));
  keep('hosts-explained', typed(hosts, '?'));
  keep('host', pressed(at(hosts, 'node-1'), 'enter'));
  const asked = keep('connections-asking', onTo(hosts, 'connections'));
  const [wish] = asked.wishes;
  assert.ok(wish?.kind === 'meet');
  const [first, second] = wish.hosts;
  const routes = [{ interface: 'vpn0', destination: '10.88.0.0/14' }];
  const one = told(asked, { kind: 'met', key: first?.key ?? '', met: metAs({ health: { routes } }) });
  keep('connections-missed', told(one, { kind: 'missed', key: second?.key ?? '', trouble: unknownKey }));
  const met = keep(
    'connections',
    told(one, { kind: 'met', key: second?.key ?? '', met: metAs({}, '1.33.4') }),
  );
  keep('question', told(met, { kind: 'asked', label: 'sudo password of db' }));
  keep('runtime', onTo(met, 'runtime'));
  keep('network', onTo(met, 'network'));
  const registries = onTo(met, 'registries');
  const reach = { host: 'node-1', registry: 'quay.io', ok: false, detail: 'Could not resolve host: quay.io' };
  keep('registries', told(registries, { kind: 'reached', reach }));
  keep('kubernetes', pressed(onTo(met, 'kubernetes'), 'right'));
  keep('review', onTo(met, 'review'));
  return seen;
};

test('every page at three sizes', () => {
  for (const [name, state] of story())
    for (const size of sizes)
      sameAs(
        `${name}-${size.columns}x${size.rows}`,
        stripVTControlCharacters(drawn(state, size, coloured)).replace(/ +$/gm, ''),
      );
});

test('no page is wider than its terminal, nor as high: a full screen makes terminals scroll', () => {
  const all = [
    ...sizes,
    { columns: 72, rows: 12 },
    { columns: 28, rows: 14 },
    { columns: 200, rows: 60 },
  ].concat([
    { columns: 24, rows: 10 },
    { columns: 20, rows: 5 },
    { columns: 9, rows: 3 },
    { columns: 80, rows: 9 },
  ]);
  for (const [name, state] of story())
    for (const size of all) {
      const lines = stripVTControlCharacters(drawn(state, size, coloured)).split('\n');
      assert.ok(lines.length < size.rows, `${name} has ${lines.length} lines in ${size.rows} rows`);
      const wide = lines.filter((line) => [...line].length > size.columns);
      assert.deepEqual(wide, [], `${name} in ${size.columns} columns`);
    }
});

test('a terminal that is too small says so to the last word', () => {
  const picture = drawn(fresh(), { columns: 20, rows: 5 }, plain);
  assert.match(picture.replaceAll('\n', ' '), /needs 24 columns and 10 rows; Ctrl-C leaves\.$/);
});

test('what is in focus is on the screen, and so is the cursor', () => {
  for (const size of sizes)
    for (const label of ['For Kubernetes', 'Engine', 'runsc', 'crictl', 'Continue']) {
      const state = at(onTo(allMet(onTo(withHosts(fresh(), 'a.example'), 'connections')), 'runtime'), label);
      const frame = frameOf(state, size);
      const lines = stripVTControlCharacters(drawn(state, size, plain)).split('\n');
      const inFocus = lines.find((line) => line.startsWith('›'));
      assert.ok(inFocus?.includes(label.slice(0, 9)), `${label} in ${size.columns}: ${inFocus}`);
      if (frame.cursor !== undefined) assert.ok(lines[frame.cursor.y]?.startsWith('›'), label);
    }
});

/** All pages with all their rows: those that come with other engines and with Kubernetes too. */
const everyPage = (): readonly WizardState[] => {
  const hosts = withHosts(fresh(), 'ops@192.0.2.10', 'b.example');
  const crio = pressed(at(onTo(allMet(onTo(hosts, 'connections')), 'runtime'), 'Engine'), 'right');
  const cluster = pressed(at(onTo(crio, 'kubernetes'), 'Kubernetes'), 'right');
  return [
    ...[hosts, pressed(at(hosts, 'node-1'), 'enter'), crio, onTo(crio, 'network'), onTo(crio, 'registries')],
    ...[cluster, pressed(at(cluster, 'Control plane'), 'right'), onTo(cluster, 'review')],
    pressed(at(onTo(withHosts(fresh(), 'a.example'), 'kubernetes'), 'Kubernetes'), 'right'),
  ];
};

test('what ? says is on the screen to its last word, and so is the row that it is about', () => {
  for (const page of everyPage())
    for (const { label, explain } of rows(page))
      for (const size of sizes) {
        const state = { ...at(page, label), explains: true };
        const lines = stripVTControlCharacters(drawn(state, size, plain)).split('\n');
        assert.ok(
          lines.some((line) => line.startsWith('› ')),
          `${label} in ${size.columns} columns`,
        );
        const said = lines.flatMap((line) => /^│ (.*?)(?:\s*[│┃].*)?$/.exec(line)?.[1] ?? []).join(' ');
        const words = (text: string) => text.replace(/\s+/g, '');
        assert.ok(
          words(said).endsWith(words(explain).slice(-20)),
          `${label} in ${size.columns} columns ends with: ${said.slice(-40)}`,
        );
      }
});

test('of a profile on one line, the part that is being written is seen', () => {
  const profile =
    'hosts: [{ name: a, local: {} }]\nspec: { swap: keep, cni: { networks: [{ name: mynet, type: bridge, subnets: [10.99.0.0/16] }] } } # all\n';
  const page = at(onTo(allMet(onTo(editing(profile), 'connections')), 'network'), 'Pod ranges');
  for (const size of sizes)
    assert.match(
      drawn(typed(page, ', fd00:9::/64'), size, plain),
      /┃ …?.*fd00:9::\/64/,
      String(size.columns),
    );
});

test('rows that are not seen are told, above and below', () => {
  const small = { columns: 40, rows: 20 };
  const page = onTo(allMet(onTo(withHosts(fresh(), 'a.example'), 'connections')), 'runtime');
  const title = (state: WizardState, size = small): string => drawn(state, size, plain).split('\n')[1] ?? '';
  assert.match(title(page), /^What runs on them\? +↓ more$/);
  assert.match(title(at(page, 'crictl')), / ↑↓? more$/);
  assert.match(title(at(page, 'Continue')), / ↑ more$/);
  assert.match(title(page, { columns: 80, rows: 40 }), /^What runs on them\? *$/);
});

const wrongAt = (count: number): WizardState =>
  onTo(
    editing(
      `hosts: [{ name: a, local: {} }]\nspec:\n${Array.from({ length: count }, (_, index) => `  wrong${index}: 1\n`).join('')}`,
    ),
    'review',
  );

test('what there is to read above the first row is reached by PageUp, by Home and row by row', () => {
  const size = { columns: 80, rows: 24 };
  const page = wrongAt(12);
  assert.doesNotMatch(drawn(page, size, plain), /✗ line 3:/);
  const often = <Key extends string>(key: Key): Key[] => Array.from({ length: 60 }, () => key);
  for (const keys of [often('scroll-up' as const), often('up' as const), ['home'] as const]) {
    const read = pressedAt(size, page, ...keys);
    assert.match(drawn(read, size, plain), /✗ line 3:/, keys[0]);
    assert.match(drawn(read, size, plain).split('\n')[1] ?? '', / ↓ more$/);
    assert.equal(frameOf(read, size).cursor, undefined);
    // What is out of sight is not pressed.
    const back = pressedAt(size, read, 'enter');
    assert.equal(back.ending, undefined);
    assert.match(drawn(back, size, plain), /› ▸ Leave/);
    assert.equal(pressedAt(size, back, 'enter').ending, 'left');
  }
});

test('what there is to read below the last row is reached, too', () => {
  const size = { columns: 80, rows: 24 };
  const hosts = withHosts(fresh(), ...Array.from({ length: 20 }, (_, index) => `n${index}.example`));
  const page = allMet(onTo(hosts, 'connections'));
  const seen = ['end', 'scroll-down', 'scroll-down'].map((key) =>
    drawn(pressedAt(size, page, key as 'end'), size, plain),
  );
  assert.match(seen[0] ?? '', /n19: /);
  const down = pressedAt(size, page, ...Array.from({ length: 30 }, () => 'down' as const));
  assert.match(drawn(down, size, plain), /n19: /);
  assert.match(drawn(page, size, plain), /20 of 20 answered(.|\n)*n0: /);
});

/** Seven hosts that did not answer, each with a remedy that is longer than a small page. */
const allMissed = (): WizardState => {
  const hosts = withHosts(fresh(), ...Array.from({ length: 7 }, (_, index) => `ops@192.0.2.${index}`));
  const page = onTo(hosts, 'connections');
  const keys = page.wishes.flatMap((wish) => (wish.kind === 'meet' ? wish.hosts : []));
  return keys.reduce((before, { key, name }) => {
    const trouble = {
      code: 'HostKeyChanged',
      message: `${name}: the host key changed`,
      remedy: Array.from({ length: 30 }, (_, index) => `${name} says word ${index}`).join(', '),
    } as const;
    return told(before, { kind: 'missed', key, trouble });
  }, page);
};

/** Lines of the page as they are seen, whichever row is in focus. */
const linesOf = (state: WizardState, size: Size): string[] =>
  frameOf(state, size)
    .form.map((line) =>
      line
        .map(({ text }) => text.replace('›', ' '))
        .join('')
        .trimEnd(),
    )
    .filter((line) => line !== '');

/** All that is seen where a key is pressed until nothing moves any more, and where that is. */
const walked = (
  from: WizardState,
  size: Size,
  key: 'up' | 'down' | 'scroll-up' | 'scroll-down',
  lines = linesOf,
) => {
  const seen = new Set(lines(from, size));
  let state = from;
  for (;;) {
    const next = pressedAt(size, state, key);
    if (isDeepStrictEqual(next.scrolled, state.scrolled) && focused(next)?.id === focused(state)?.id)
      return { seen, state };
    for (const line of lines(next, size)) seen.add(line);
    state = next;
  }
};

/** Lines of the profile as they are seen. */
const profileLinesOf = (state: WizardState, size: Size): string[] => {
  const { beside, below } = frameOf(state, size);
  return (beside.length > 0 ? beside : below.slice(1))
    .map((line) => line.map(({ text }) => text).join(''))
    .filter((line) => line !== '');
};

test('nothing that is to be read between two rows is passed over with the arrows', () => {
  const pages = [...story().values()].filter(({ question }) => question === undefined);
  for (const page of [allMissed(), wrongAt(12), ...pages, ...everyPage()])
    for (const size of [...sizes, { columns: 28, rows: 14 }, { columns: 24, rows: 10 }]) {
      const all = linesOf(page, { ...size, rows: 400 });
      const top = walked(page, size, 'up').state;
      const down = walked(top, size, 'down');
      const up = walked(down.state, size, 'up');
      for (const [key, { seen }] of Object.entries({ down, up }))
        assert.deepEqual(
          all.filter((line) => !seen.has(line)),
          [],
          `${page.step}, ${key} in ${size.columns} columns`,
        );
    }
});

test('nothing is passed over with PageUp and PageDown, of the page and of the profile', () => {
  const pages = [...story().values()].filter(({ question, explains }) => question === undefined && !explains);
  for (const page of [allMissed(), wrongAt(12), ...pages])
    for (const size of [...sizes, { columns: 28, rows: 14 }, { columns: 24, rows: 10 }])
      for (const lines of [linesOf, profileLinesOf]) {
        const top = walked(page, size, 'scroll-up').state;
        const { seen } = walked(top, size, 'scroll-down', lines);
        const missed = lines(page, { ...size, rows: 400 }).filter((line) => !seen.has(line));
        assert.deepEqual(missed, [], `${page.step} in ${size.columns} columns`);
      }
});

test('what is read between two rows goes by line by line, and a row out of sight is not pressed', () => {
  const size = { columns: 40, rows: 20 };
  const start = pressedAt(size, allMissed(), 'home', 'down');
  assert.match(drawn(start, size, plain), /› ▸ Try all of them again/);
  const read = pressedAt(size, start, 'down', 'down', 'down', 'down');
  assert.doesNotMatch(drawn(read, size, plain), /›/);
  const on = pressedAt(size, read, 'down');
  assert.deepEqual(linesOf(on, size).slice(0, -1), linesOf(read, size).slice(1));
  assert.deepEqual(linesOf(pressedAt(size, on, 'up'), size), linesOf(read, size));
  for (const back of [pressedAt(size, read, 'enter'), typedAt(size, read, ' ')]) {
    assert.deepEqual(back.wishes, []);
    assert.match(drawn(back, size, plain), /› ▸ Try all of them again/);
    assert.equal(pressedAt(size, back, 'enter').wishes[0]?.kind, 'meet');
  }
});

test('Enter in a text out of sight shows the text, and what is wrong with it, before it takes anything', () => {
  const size = { columns: 40, rows: 20 };
  const hosts = withHosts(fresh(), ...Array.from({ length: 12 }, (_, index) => `n${index}.example`));
  for (const host of ['bad/host', 'good.example']) {
    const typing = typedAt(size, at(hosts, 'Add'), host);
    const away = pressedAt(size, typing, 'scroll-up', 'scroll-up', 'scroll-up');
    assert.doesNotMatch(drawn(away, size, plain), /› Add/);
    const back = pressedAt(size, away, 'enter');
    assert.match(drawn(back, size, plain), host === 'bad/host' ? /› Add(.|\n)*✗/ : /› Add/);
    assert.equal(back.sources, hosts.sources);
  }
});

test('of the page and the profile, each that has more moves with PageUp and PageDown', () => {
  const moved = (from: WizardState, size: Size, key: 'scroll-up' | 'scroll-down') => {
    const next = pressedAt(size, from, key);
    for (const lines of [linesOf, profileLinesOf]) {
      const end = walked(from, size, key).state;
      if (lines(from, size).join() === lines(end, size).join()) continue;
      assert.notDeepEqual(lines(next, size), lines(from, size), `${lines.name}, ${key}, ${size.columns}`);
    }
    return next;
  };
  for (const page of story().values())
    for (const size of [...sizes, { columns: 28, rows: 14 }])
      for (const ends of [['scroll-up', 'scroll-down'] as const, ['scroll-down', 'scroll-up'] as const]) {
        let state = walked(page, size, ends[0]).state;
        for (let left = 6; left > 0; left -= 1) state = moved(state, size, ends[1]);
      }
});

test('a long name leaves no mark alone on its line', () => {
  const name = 'a-very-long-host-name-that-goes-on-and-on';
  const page = onTo(withHosts(fresh(), `${name}=192.0.2.1`), 'connections');
  const picture = drawn(allMet(page), { columns: 40, rows: 20 }, plain);
  assert.match(picture, /^ {2}✓ a-very-long-host-name-that-goes-on/m);
});

test('a host that did not answer is seen as soon as the page is, on a small terminal too', () => {
  const missed = story().get('connections-missed') ?? fresh();
  assert.equal(rows(missed)[0]?.label, 'Continue', 'nobody presses a row that came by itself');
  for (const size of sizes) assert.match(drawn(missed, size, plain), /› ▸ Continue(.|\n)*✗ node-1: /);
});

test('nothing is scrolled further than there is something to see', () => {
  const size = { columns: 80, rows: 24 };
  const page = wrongAt(12);
  const top = pressedAt(size, page, ...Array.from({ length: 9 }, () => 'scroll-up' as const));
  assert.notEqual(drawn(pressedAt(size, top, 'scroll-down'), size, plain), drawn(top, size, plain));
  assert.equal(withinReach(page, size), page);
});

test('what the review offers can be told apart however long the path of the profile is', () => {
  const file = '/srv/configuration of this fleet/clusters/production/berth.yaml';
  const text = 'hosts: [{ name: a, local: {} }]\n';
  for (const begun of [text, `# as it was\n${text}`])
    for (const size of [...sizes, { columns: 28, rows: 14 }]) {
      const there = wizardState(
        { files: [{ file, text, role: 'profile' }], set: [], external: new Map() },
        false,
      );
      const page = { ...onTo(there, 'review'), begun: new Map([[file, begun]]) };
      const picture = drawn(page, size, plain);
      assert.match(picture, /▸ (Write|Keep) ….*l, and plan/, `${size.columns} columns`);
      assert.match(picture, /▸ (Write|Keep) ….*l, and end/, `${size.columns} columns`);
    }
});

test('without colours there is no escape sequence, and every difference is still told', () => {
  for (const [name, state] of story()) {
    const picture = drawn(state, { columns: 80, rows: 24 }, plain);
    assert.equal(stripVTControlCharacters(picture), picture, name);
  }
});

test('a typed secret is on no screen, as itself or in words', () => {
  const state = typed(
    told(onTo(withHosts(fresh(), 'a.example'), 'connections'), { kind: 'asked', label: 'x' }),
    'hunter2',
  );
  assert.doesNotMatch(drawn(state, { columns: 80, rows: 24 }, plain), /hunter2/);
  assert.doesNotMatch(spokenLines(state).join('\n'), /hunter2/);
  assert.match(spokenLines(state).join('\n'), /7 characters/);
});

test('every page in words, for a screen reader', () => {
  const words = [...story()].map(([name, state]) => `== ${name}\n${spokenLines(state).join('\n')}`);
  sameAs('spoken', words.join('\n\n'));
  assert.equal(stepNames.length, 7);
});
