import { constants } from 'node:os';
import { Fail } from '../core/fail.ts';
import { Signal } from '../spec/cri/api_pb.js';

export const SIGTERM = constants.signals.SIGTERM;
export const SIGKILL = constants.signals.SIGKILL;

/** The real-time signals as libc numbers them: the kernel's first two belong to its threads. */
const SIGRTMIN = 34;
const SIGRTMAX = 64;

/** The signal that StopContainer sends first: the request's, else the image's, else SIGTERM. */
export const stopSignal = (requested: Signal, image: string | undefined): number => {
  if (requested !== Signal.RUNTIME_DEFAULT) return signalNumber(nameOfCriSignal(requested));
  return image === undefined || image === '' ? SIGTERM : signalNumber(image);
};

/** CRI's name of a signal number; the reverse of `stopSignal`, for ContainerStatus. */
export const criSignal = (number: number): Signal => {
  const name = Object.keys(Signal).find(
    (key) => Number.isNaN(Number(key)) && key !== 'RUNTIME_DEFAULT' && numberOf(nameOfKey(key)) === number,
  );
  return name === undefined ? Signal.RUNTIME_DEFAULT : Signal[name as keyof typeof Signal];
};

const nameOfCriSignal = (signal: Signal): string => nameOfKey(Signal[signal] ?? String(signal));

/** `SIGRTMINPLUS3` → `SIGRTMIN+3`. */
const nameOfKey = (key: string): string => key.replace('PLUS', '+').replace('MINUS', '-');

/** From `SIGTERM`, `TERM`, `15`, `SIGRTMIN+3`; anything else is an `InvalidArgument`. */
const signalNumber = (text: string): number => {
  const number = numberOf(text);
  if (number !== undefined && number >= 1 && number <= SIGRTMAX) return number;
  throw new Fail('InvalidArgument', `unknown stop signal ${JSON.stringify(text)}`, {
    hint: 'use a name such as SIGTERM or SIGRTMIN+3, or a number from 1 to 64',
  });
};

const numberOf = (text: string): number | undefined => {
  if (/^\d{1,2}$/.test(text)) return Number(text);
  const name = text.toUpperCase().replace(/^(?!SIG)/, 'SIG');
  const realTime = /^SIGRT(MIN|MAX)(?:([+-])(\d{1,2}))?$/.exec(name);
  if (realTime !== null) {
    const offset = Number(`${realTime[2] ?? '+'}${realTime[3] ?? 0}`);
    return (realTime[1] === 'MIN' ? SIGRTMIN : SIGRTMAX) + offset;
  }
  if (name === 'SIGCLD') return constants.signals.SIGCHLD;
  return Object.entries(constants.signals).find(([known]) => known === name)?.[1];
};
