import { listedPrograms, publishedVersions } from '../artifacts/published.ts';
import { asFail } from '../core/as-fail.ts';
import type { Event } from '../core/events.ts';
import { Fail } from '../core/fail.ts';
import { scrubbedFailure } from '../faces/scrubbed.ts';
import type { Errands, Published, Reply, Trouble, Wish } from '../faces/wizard/errands.ts';
import type { FlowContext } from '../flows/context.ts';
import { meetHosts } from '../flows/meet.ts';
import { reachRegistries } from '../flows/reach-registries.ts';
import { acceptHostKey } from '../host/transport/accept-host-key.ts';
import { findHosts } from '../inventory/candidates/find.ts';
import { profileOf, resolveSources } from '../profile/parse-profile.ts';
import type { HostEntry, Profile, ProfileSources } from '../profile/profile.ts';
import { keepConnections } from './connections.ts';
import { secretReader } from './secrets.ts';

type Tell = (reply: Reply) => void;

/** Hosts that are met at the same time. */
const atOnce = 20;

/** Why it failed, as far as a person can do something about it. */
const troubleOf = (error: unknown): Trouble => {
  const { code, message, hint, context } = scrubbedFailure(asFail(error));
  const { fingerprint, line, file } = context;
  const isKey =
    code === 'HostKeyUnknown' && [fingerprint, line, file].every((part) => typeof part === 'string');
  return {
    code,
    message,
    remedy: hint,
    ...(isKey
      ? { hostKey: { fingerprint: String(fingerprint), line: String(line), file: String(file) } }
      : {}),
  };
};

/** One question of a secret at a time: the wizard shows it, and answers by a wish. */
class Questions {
  #answer: ((text: string | undefined) => void) | undefined;

  async ask(label: string, tell: Tell): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    this.#answer = resolve;
    tell({ kind: 'asked', label });
    const text = await promise;
    if (text === undefined) throw new Fail('Cancelled', `${label}: the question was not answered`);
    return text;
  }

  answer(text: string | undefined): void {
    this.#answer?.(text);
    this.#answer = undefined;
  }
}

/** Runs what the wizard wishes for a profile in `folder`: the only way from it to hosts, tools and files. */
export const makeErrands = (folder: string, signal: AbortSignal): Errands => {
  const questions = new Questions();
  const run = async (wish: Wish, tell: Tell): Promise<void> => {
    switch (wish.kind) {
      case 'answer':
        return questions.answer(wish.text);
      case 'find':
        try {
          const found = await findHosts(wish.origin, { folder, signal });
          return tell({ kind: 'found', origin: wish.origin, ...found });
        } catch (error) {
          return tell({ kind: 'not-found', origin: wish.origin, trouble: troubleOf(error) });
        }
      case 'accept-key':
        await acceptHostKey(wish.file, wish.line);
        return tell({ kind: 'key-accepted', host: wish.host });
      case 'list-releases':
        return tell({ kind: 'published', published: await releases(signal) });
      case 'meet':
        return await meet(wish, tell, { signal, questions });
      case 'reach':
        return await reach(wish, tell, { signal, questions });
    }
  };
  return {
    run(wish, reply) {
      run(wish, reply).catch((error: unknown) => {
        // Who has left wants no answer any more.
        if (!signal.aborted) reply({ kind: 'failed', trouble: troubleOf(error) });
      });
    },
  };
};

/** Of the programs of which that can be found out; nobody needs to know it, so that not knowing is an answer. */
const releases = async (signal: AbortSignal): Promise<Published> => {
  const answers = await Promise.allSettled(
    listedPrograms.map(async (name) => [name, await publishedVersions(name, signal)] as const),
  );
  const versions = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  const [failed] = answers.flatMap((answer) =>
    answer.status === 'rejected' ? [answer.reason as unknown] : [],
  );
  return versions.length > 0 ? { versions: new Map(versions) } : { why: troubleOf(failed).message };
};

interface Means {
  readonly signal: AbortSignal;
  readonly questions: Questions;
}

/** Works on hosts of a profile that is in no file yet. */
const onHostsOf = async (
  sources: ProfileSources,
  choose: (profile: Profile) => readonly HostEntry[],
  onEvent: (event: Event) => void,
  { signal, questions }: Means,
  tell: Tell,
  work: (context: FlowContext) => Promise<void>,
): Promise<void> => {
  const profile = profileOf(resolveSources(sources));
  const hosts = choose(profile);
  const secret = secretReader(hosts, {
    signal,
    mayAsk: true,
    suspend: (task) => task(),
    ask: (label) => questions.ask(label, tell),
  });
  const readSecret = async (...asked: Parameters<typeof secret>) => (await secret(...asked)).reveal();
  await using connections = keepConnections({ signal, emit: onEvent, readSecret });
  const { connect, reconnect } = connections;
  await work({ profile, hosts, connect, reconnect, secret, emit: onEvent, signal, parallel: atOnce });
};

const meet = async (wish: Extract<Wish, { kind: 'meet' }>, tell: Tell, means: Means): Promise<void> => {
  const keys = new Map(wish.hosts.map(({ name, key }) => [name, key]));
  const missed = (name: string, error: unknown): void => {
    const key = keys.get(name);
    if (key !== undefined) tell({ kind: 'missed', key, trouble: troubleOf(error) });
  };
  const chosen = (profile: Profile) => profile.hosts.filter(({ name }) => keys.has(name));
  const onEvent = (event: Event): void => {
    if (event.kind === 'failed' && event.host !== undefined) missed(event.host, event.error);
  };
  try {
    await onHostsOf(wish.sources, chosen, onEvent, means, tell, (context) =>
      meetHosts(context, ({ name }, { kubelet, ...met }) => {
        const key = keys.get(name);
        if (key !== undefined)
          tell({ kind: 'met', key, met: { ...met, ...(kubelet === undefined ? {} : { kubelet }) } });
      }),
    );
  } catch (error) {
    for (const { name } of wish.hosts) missed(name, error);
  }
};

const reach = async (wish: Extract<Wish, { kind: 'reach' }>, tell: Tell, means: Means): Promise<void> => {
  const unanswered = (host: string, detail: string): void => {
    for (const registry of wish.registries)
      tell({ kind: 'reached', reach: { host, registry, ok: false, detail } });
  };
  const onEvent = (event: Event): void => {
    if (event.kind === 'failed' && event.host !== undefined)
      unanswered(event.host, `could not be asked: ${troubleOf(event.error).message}`);
  };
  await onHostsOf(
    wish.sources,
    ({ hosts }) => hosts.filter(({ name }) => wish.hosts.includes(name)),
    onEvent,
    means,
    tell,
    (context) =>
      reachRegistries(context, wish.registries, ({ name }, answers) => {
        for (const answer of answers) tell({ kind: 'reached', reach: { host: name, ...answer } });
      }),
  );
  tell({ kind: 'reached-all' });
};
