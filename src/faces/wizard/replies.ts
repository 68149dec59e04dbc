import type { Found } from '../../inventory/candidates/candidate.ts';
import { misfitOfHost } from './document.ts';
import type { Reply } from './errands.ts';
import { hostsIn, type Meeting, settle, type WizardState } from './state.ts';
import { meet } from './steps/connections.ts';

/** The state after the world has answered. An answer about a host that is no more is nobody's. */
export const afterReply = (state: WizardState, reply: Reply): WizardState => {
  switch (reply.kind) {
    case 'met':
      return withMeeting(state, reply.key, { state: 'met', met: reply.met });
    case 'missed':
      return withMeeting(state, reply.key, { state: 'missed', trouble: reply.trouble });
    case 'found':
      return withCandidates({ ...state, busy: undefined }, reply);
    case 'not-found':
    case 'failed': {
      const { message, remedy } = reply.trouble;
      // What another program said may be a sentence with its end.
      const text = remedy === undefined ? message : `${message.replace(/\.$/, '')}. ${remedy}`;
      return { ...state, busy: undefined, notice: { level: 'bad', text } };
    }
    case 'reached': {
      const { host, registry } = reply.reach;
      return { ...state, reached: new Map(state.reached).set(`${host} ${registry}`, reply.reach) };
    }
    case 'reached-all':
      return { ...state, busy: undefined };
    case 'published':
      return { ...state, published: reply.published };
    case 'key-accepted':
      return again({ ...state, busy: undefined }, reply.host);
    case 'asked':
      return { ...state, question: { label: reply.label, text: '' } };
  }
};

/** The answer belongs to the host as it was asked: one that was edited meanwhile has another key. */
const withMeeting = (state: WizardState, key: string, meeting: Meeting): WizardState => ({
  ...state,
  meetings: new Map(state.meetings).set(key, meeting),
});

const withCandidates = (state: WizardState, reply: Extract<Reply, { kind: 'found' }>): WizardState => {
  const { origin } = reply;
  const { candidates, remarks } = fitting(reply);
  if (candidates.length === 0) {
    const told =
      reply.candidates.length === 0 ? 'No hosts are named there.' : 'None of the hosts can be taken.';
    return { ...state, notice: { level: 'bad', text: [told, ...remarks].join(' ') } };
  }
  // Nobody's page is taken away from under their hands.
  if (state.step !== 'hosts' || state.sheet !== undefined)
    return {
      ...state,
      notice: { level: 'good', text: 'The hosts to import are known now: ask again on the first page.' },
    };
  const known = new Set(hostsIn(state.sources).map(({ name }) => name));
  const fresh = candidates.flatMap(({ name }, index) => (known.has(name) ? [] : [index]));
  return {
    ...settle(state),
    sheet: { kind: 'candidates', origin, found: candidates, remarks, chosen: new Set(fresh) },
  };
};

/** One that cannot stand in a profile must not keep the others out of it. */
const fitting = ({ candidates, remarks }: Found): Found => {
  const judged = candidates.map((host) => ({ host, why: misfitOfHost({ name: host.name, ...host.way }) }));
  return {
    candidates: judged.flatMap(({ host, why }) => (why === undefined ? [host] : [])),
    remarks: [
      ...remarks,
      ...judged.flatMap(({ host: { name, about }, why }) =>
        why === undefined ? [] : [`left out, ${why} (${name || about})`],
      ),
    ],
  };
};

const again = (state: WizardState, name: string): WizardState =>
  meet(
    state,
    hostsIn(state.sources).filter((host) => host.name === name),
  );
