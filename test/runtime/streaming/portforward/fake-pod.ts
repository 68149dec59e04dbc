import { Duplex, PassThrough } from 'node:stream';

/** The pod's side of a forwarded connection: what arrives there, and what it says. */
export const fakePod = () => {
  const arrives = new PassThrough();
  const says = new PassThrough();
  const pod = Duplex.from({ readable: says, writable: arrives });
  pod.on('error', () => {});
  return { pod, arrives, says };
};
