/** Prints the layers of the Fedora-like machine, the topmost first, as an overlay file system takes them. */
import { join } from 'node:path';
import { baseFolder } from '../../src/inventory/embedded/base.ts';
import { readMachine } from '../../src/inventory/embedded/machine.ts';
import { embeddedLayers, embeddedTestFolder } from '../harness/embedded.ts';
import { machineLayer } from '../harness/fedora/machine.ts';

const layers = await embeddedLayers('fedora');
const base = baseFolder(embeddedTestFolder, await readMachine());
console.log([await machineLayer(base, join(embeddedTestFolder, 'layers')), ...layers, base].join(':'));
