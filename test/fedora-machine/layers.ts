/**
 * Prints the layers of the Fedora-like machine, the topmost first, as an overlay file system takes them.
 * crictl comes into the cache that the machine sees: there is no Go in it, and the release address may be out of reach.
 */
import { join } from 'node:path';
import { fetchArtifact } from '../../src/artifacts/fetch.ts';
import { CRICTL_VERSION } from '../../src/artifacts/pins.ts';
import { baseFolder } from '../../src/inventory/embedded/base.ts';
import { readMachine } from '../../src/inventory/embedded/machine.ts';
import { embeddedLayers, embeddedTestFolder } from '../harness/embedded.ts';
import { machineLayer } from '../harness/fedora/machine.ts';

const checkout = join(import.meta.dirname, '../..');
process.env['BERTH_CACHE'] = join(checkout, '.berth/cache');
const sources = { source: 'auto', mirror: undefined, folder: undefined } as const;
const work = { emit: () => {}, signal: new AbortController().signal };
const arch = process.arch === 'arm64' ? 'arm64' : 'x64';
await fetchArtifact('crictl', CRICTL_VERSION, arch, sources, work);
const layers = await embeddedLayers('fedora');
const base = baseFolder(embeddedTestFolder, await readMachine());
console.log([await machineLayer(base, join(embeddedTestFolder, 'layers')), ...layers, base].join(':'));
