import { listed } from '../../../core/text.ts';
import { isMapping } from '../../../profile/as-written.ts';
import type { Path } from '../../../profile/tree.ts';
import { type Edit, tryEdits, valueAt } from '../document.ts';
import type { Reach } from '../errands.ts';
import {
  answered,
  answerRow,
  type ChoiceRow,
  choiceRow,
  type NoteRow,
  note,
  type PageRow,
  textRow,
  withAnswer,
} from '../rows.ts';
import { metHosts, type WizardState } from '../state.ts';

const at = (...keys: readonly (string | number)[]): Path => ['spec', 'registries', ...keys];
const imagePath: Path = ['spec', 'verify', 'image'];
const sourcePath: Path = ['spec', 'verify', 'imageSource'];

/** Where the image that berth makes itself is served, on the loopback of the host. */
const ownRegistry = 'localhost:5000';
const ownImage = `${ownRegistry}/crio/redis:alpine`;

const list = (state: WizardState, path: Path): readonly unknown[] => {
  const value = valueAt(state.sources, path);
  return Array.isArray(value) ? value : [];
};

const noTls = 'No TLS';

const insecureExplained = `Registries that are spoken to without TLS, or with a certificate that nobody checks.
Whoever sits on the way can hand other images to the node.`;

const shortNamesExplained = `An image without a registry in its name, such as redis:7, is looked for in these, in this order: the first
that has it is believed, whoever pushed it there. With none, images must be named in full.`;

const mirrorRows = (state: WizardState): PageRow[] =>
  list(state, at('mirrors')).flatMap((entry, index): PageRow[] => {
    const registry = String((entry as Readonly<Record<string, unknown>> | null)?.['registry']);
    return [
      textRow(state, { label: `Mirrors: ${registry}`, path: at('mirrors', index, 'mirrors'), as: 'list' }),
      {
        kind: 'action',
        id: `unmirror:${index}`,
        label: `No mirrors of ${registry}`,
        path: at('mirrors', index),
        explain: `Images of ${registry} come from there alone.`,
        press: () => {
          const next = answered(state, `unmirror:${index}`, '', [
            { kind: 'remove', path: at('mirrors', index) },
          ]);
          // What was typed about later ones belonged to places that have moved.
          const prefix = at('mirrors').join('.');
          return { ...next, drafts: new Map([...next.drafts].filter(([id]) => !id.startsWith(prefix))) };
        },
      },
    ];
  });

/** `docker.io=mirror.example/dockerhub`, several mirrors with commas between them. */
const mirrorEdits = (state: WizardState, text: string): readonly Edit[] | undefined => {
  const [, registry, places] = /^\s*([^=\s]+)\s*=\s*(\S.*)$/.exec(text) ?? [];
  if (registry === undefined || places === undefined) return undefined;
  const mirrors = places.split(/[\s,]+/).filter((place) => place !== '');
  const known = list(state, at('mirrors'));
  const index = known.findIndex((entry) => isMapping(entry) && entry['registry'] === registry);
  if (index >= 0) {
    const path = at('mirrors', index, 'mirrors');
    const more = mirrors.filter((mirror) => !list(state, path).includes(mirror));
    return [{ kind: 'set', path, value: [...list(state, path), ...more] }];
  }
  const value = { registry, mirrors };
  return known.length === 0
    ? [{ kind: 'set', path: at('mirrors'), value: [value] }]
    : [{ kind: 'set', path: at('mirrors', known.length), value }];
};

const mirrorProblem = (state: WizardState, text: string): string | undefined => {
  const edits = mirrorEdits(state, text);
  if (edits === undefined) return 'write REGISTRY=MIRROR, as in docker.io=mirror.example/dockerhub';
  const tried = tryEdits(state.sources, edits);
  return 'problem' in tried ? tried.problem : undefined;
};

const addMirror = (state: WizardState, text: string): WizardState => {
  const edits = mirrorEdits(state, text);
  if (edits === undefined || mirrorProblem(state, text) !== undefined) return state;
  return withAnswer(answered(state, 'mirror', text, edits), 'mirror', '');
};

const fromRegistry = 'registry';
const madeByBerth = 'berth';

/** Where the image of the proof comes from: one answer to three keys. */
const imageRow = (state: WizardState): ChoiceRow => {
  const insecure = list(state, at('insecure')).map(String);
  const embedded: Edit[] = [
    ...(insecure.includes(ownRegistry)
      ? []
      : [{ kind: 'set' as const, path: at('insecure'), value: [...insecure, ownRegistry] }]),
    { kind: 'set', path: imagePath, value: ownImage },
    { kind: 'set', path: sourcePath, value: 'embedded' },
  ];
  const others = insecure.filter((registry) => registry !== ownRegistry);
  const registry: Edit[] = [
    { kind: 'remove', path: sourcePath },
    { kind: 'remove', path: imagePath },
    others.length === 0
      ? { kind: 'remove', path: at('insecure') }
      : { kind: 'set', path: at('insecure'), value: others },
  ];
  return {
    kind: 'choice',
    id: 'proof-image',
    label: 'Proof image',
    path: sourcePath,
    explain: `The proof runs redis in a pod. ${fromRegistry}: the host pulls its image from quay.io, or from where the
profile says. ${madeByBerth}: berth packs one from Debian's redis and serves it on the host's loopback for as long as
the proof takes, for hosts that reach no registry.`,
    problem: state.drafts.get('proof-image')?.problem,
    options: [fromRegistry, madeByBerth],
    chosen: valueAt(state.sources, sourcePath) === 'embedded' ? madeByBerth : fromRegistry,
    choose: (option) => answered(state, 'proof-image', option, option === madeByBerth ? embedded : registry),
  };
};

/** Every registry that the hosts would ask; not the one that berth serves itself, and only while the proof runs. */
export const registriesOf = (state: WizardState): readonly string[] => {
  const mirrors = list(state, at('mirrors')).flatMap((entry) => {
    const found = (entry as Readonly<Record<string, unknown>> | null)?.['mirrors'];
    return Array.isArray(found) ? found.map(String) : [];
  });
  const image = valueAt(state.sources, sourcePath) === 'embedded' ? '' : valueAt(state.sources, imagePath);
  const named = [...list(state, at('unqualifiedSearch')).map(String), ...mirrors, String(image ?? '')];
  const hosts = named.map((name) => name.split('/')[0] ?? '').filter((name) => /[.:]/.test(name));
  return [...new Set(hosts)];
};

const reachRows = (state: WizardState): PageRow[] => {
  const met = metHosts(state).map(({ name }) => name);
  if (met.length === 0) return [note('No host has been met: registries are asked from the hosts.', 'dim')];
  const asked = registriesOf(state);
  const insecure = list(state, at('insecure'));
  const seen = [...state.reached.values()].filter(
    ({ host, registry, isPlain = false }) =>
      met.includes(host) && asked.includes(registry) && !(isPlain && insecure.includes(registry)),
  );
  return [
    {
      kind: 'action',
      id: 'reach',
      label: `Ask ${asked.join(', ') || 'no registry'} from the hosts`,
      explain: `Each host that was met asks each registry for its API, by the proxy of the profile if there is one.
localhost and 127.0.0.1 are each host's own there: what is to run on the node does not answer before it does.
One that does not answer makes pulls fail, unless a mirror stands before it.`,
      press: () => ({
        ...state,
        reached: new Map(),
        busy: 'asking registries',
        wishes: [{ kind: 'reach', sources: state.sources, hosts: met, registries: asked }],
      }),
    },
    ...reachNotes(seen),
    ...remediesFor(seen).map((remedy) => note(`  → ${remedy}`, 'warn')),
  ];
};

/** What hosts have in common is told once. */
const reachNotes = (seen: readonly Reach[]): NoteRow[] => {
  const hostsBy = new Map<string, string[]>();
  const textOf = ({ registry, ok, detail }: Reach) =>
    ok ? `${registry} ${detail}` : `${registry}: ${detail}`;
  for (const reach of seen) hostsBy.set(textOf(reach), [...(hostsBy.get(textOf(reach)) ?? []), reach.host]);
  const failed = new Set(seen.filter(({ ok }) => !ok).map(textOf));
  return [...hostsBy].map(([text, hosts]) =>
    failed.has(text)
      ? note(`✗ ${listed(hosts)}: ${text}`, 'bad')
      : note(`✓ ${listed(hosts)}: ${text}`, 'good'),
  );
};

const remediesFor = (seen: readonly Reach[]): string[] => {
  const plain = [...new Set(seen.filter(({ isPlain }) => isPlain).map(({ registry }) => registry))];
  return [
    ...(plain.length > 0
      ? [
          `Add ${plain.join(', ')} to ${noTls} above, if nobody else sits on the way to it; or give it a certificate.`,
        ]
      : []),
    ...(seen.some(({ ok, isPlain = false }) => !ok && !isPlain) ? [unreachedRemedy] : []),
  ];
};

const unreachedRemedy =
  'Give the hosts a mirror that they reach, or spec.proxy in the file; or load images another way, and let berth make the image of the proof.';

export const registriesRows = (state: WizardState): PageRow[] => [
  textRow(state, {
    label: 'Short names',
    path: at('unqualifiedSearch'),
    as: 'list',
    empty: 'nowhere',
    explain: shortNamesExplained,
  }),
  ...mirrorRows(state),
  answerRow(state, {
    id: 'mirror',
    label: 'Mirror',
    empty: 'docker.io=mirror.example/dockerhub; Enter adds',
    explain: `A mirror is asked before the registry that it stands for; where it does not answer, the registry is.
Write REGISTRY=MIRROR, several mirrors with commas between them; more of the same registry come behind those it has.`,
    problemIn: (text) => mirrorProblem(state, text),
    enter: (text) => addMirror(state, text),
  }),
  textRow(state, {
    label: noTls,
    path: at('insecure'),
    as: 'list',
    empty: 'none',
    explain: insecureExplained,
  }),
  choiceRow(state, { label: 'Proof', path: ['spec', 'verify', 'level'] }),
  imageRow(state),
  ...reachRows(state),
];
