import { isMainThread } from 'node:worker_threads';
import { runPull } from './images/run-pull.ts';
import { serveLane } from './images/unpack/lanes.ts';

if (isMainThread) {
  const entry = new URL(import.meta.url);
  process.exit(await runPull({ input: process.stdin, output: process.stdout, entry }));
} else {
  serveLane();
}
