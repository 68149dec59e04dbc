import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { type EmbeddedHost, embeddedHost } from '../../test/harness/embedded.ts';
import { emptyFolder } from './folder.ts';
import type { Recording } from './recorder.ts';

const patience = 300;

/** Where the profile begins: a host is named, opened, and gets the key and the known_hosts file that let berth in. */
export const wizard: Recording = (() => {
  let host: EmbeddedHost | undefined;
  return {
    name: 'wizard',
    title: 'berth init: a profile is asked for, from the hosts to the last question',
    columns: 100,
    rows: 30,
    async prepare(undo) {
      host = await embeddedHost(undo);
      const folder = emptyFolder(undo);
      copyFileSync(host.ssh.identityFiles[0] ?? '', join(folder, 'key'));
      copyFileSync(host.ssh.knownHostsFiles[0] ?? '', join(folder, 'known_hosts'));
      return folder;
    },
    async play({ terminal, types, picture }) {
      if (host === undefined) throw new Error('there is no host');
      await types('berth init node.yaml');
      await terminal.shows(/No hosts yet/, patience);
      await terminal.press('-l', `node-1=root@${host.ssh.host}`);
      await terminal.press('Enter');
      await terminal.shows(/one host added/, patience);
      await terminal.press('Up', 'Enter');
      await terminal.shows(/One host/, patience);
      await terminal.press('Down', 'Down', 'Down', 'Down');
      await terminal.press('-l', 'key');
      await terminal.press('Down', 'Down');
      await terminal.press('-l', 'known_hosts');
      await terminal.press('Escape');
      await terminal.shows(/Where are the hosts\?/, patience);
      await terminal.press('C-n');
      await terminal.shows(/1 of 1 answered/, patience);
      await terminal.press('C-n');
      await terminal.shows(/● berth +○ cri-o/, patience);
      await terminal.press('C-n');
      await terminal.shows(/No route of a host that was met is in the way/, patience);
      await picture('wizard', 'berth init: which network pods get, held against the routes of the host');
      await terminal.press('C-n');
      await terminal.shows(/Where do images come from\?/, patience);
      await terminal.press('C-n');
      await terminal.shows(/Kubernetes, or not\?/, patience);
      await terminal.press('C-n');
      await terminal.shows(/Is this right\?/, patience);
      await terminal.press('C-c');
      await terminal.shows(/\$$/, patience);
    },
  };
})();
