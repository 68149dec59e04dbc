import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type EmbeddedHost, embeddedHost } from '../../test/harness/embedded.ts';
import { emptyFolder } from './folder.ts';
import type { Recording, Undo } from './recorder.ts';

/** A machine that does much else takes its time. */
const patience = 500;
const size = { columns: 100, rows: 30 } as const;

const profileOf = (hosts: readonly EmbeddedHost[]): string => `hosts:
${hosts
  .map(
    ({ ssh }, index) =>
      `  - { name: node-${index + 1}, ssh: { host: ${ssh.host}, user: root, identityFiles: [${ssh.identityFiles[0]}], knownHostsFiles: [${ssh.knownHostsFiles[0]}] } }`,
  )
  .join('\n')}
spec:
  artifacts: { source: go }
  registries: { insecure: [localhost:5000] }
  verify: { level: node, image: localhost:5000/crio/redis:alpine, imageSource: embedded }
`;

const folderWithHosts = async (undo: Undo, count: number, file: string): Promise<readonly EmbeddedHost[]> => {
  const hosts: EmbeddedHost[] = [];
  for (let number = 1; number <= count; number += 1) hosts.push(await embeddedHost(undo));
  writeFileSync(file, profileOf(hosts));
  return hosts;
};

/** Three bare hosts become nodes; then one of them is broken, and says so. */
const apply: Recording = {
  name: 'apply',
  title: 'berth apply on three hosts, and berth verify on one that somebody broke',
  ...size,
  async prepare(undo) {
    const folder = emptyFolder(undo);
    const [first] = await folderWithHosts(undo, 3, join(folder, 'fleet.yaml'));
    // What somebody does to a node one day, without a word.
    writeFileSync(join(folder, 'break'), await breaking(first));
    return folder;
  },
  async play({ terminal, types, picture }) {
    await types('berth apply fleet.yaml --yes');
    await terminal.shows(/▸ apply[\s\S]*MiB[\s\S]*MiB/, patience);
    await picture('apply', 'berth apply on three hosts: what each is at, and how far');
    await terminal.press('Down', 'Enter');
    await terminal.shows(/^node-\d\n/, patience);
    await pause(2000);
    await terminal.press('l');
    await terminal.shows(/▸ apply: \d+ steps/, patience);
    await pause(2000);
    await picture('log', 'The log of one host while it is changed');
    await terminal.press('q');
    await terminal.shows(/▸ verify[\s\S]*checks/, patience);
    await terminal.shows(/proven it\.[\s\S]*\$$/, patience);
    await types('clear; sh break');
    await terminal.shows(/\$$/, patience);
    await types('clear; berth verify fleet.yaml --hosts node-1 --level smoke');
    await terminal.shows(/did not pass the[\s\S]*\$$/, patience);
    await picture(
      'verify',
      'berth verify on a host that somebody broke: what is red, what shows it, and the remedy',
    );
  },
};

const breaking = async (host: EmbeddedHost | undefined): Promise<string> => {
  if (host === undefined) throw new Error('there is no host to break');
  const { ssh } = host;
  return `exec ssh -i ${ssh.identityFiles[0]} -o UserKnownHostsFile=${ssh.knownHostsFiles[0]} -o LogLevel=ERROR root@${ssh.host} 'mv /usr/lib/cni/bridge /usr/lib/cni/bridge.gone'\n`;
};

export const fleetRecordings: readonly Recording[] = [apply];
