import assert from 'node:assert/strict';
import type { EmbeddedHost } from './embedded.ts';

/** Everything that an installer could leave behind on a host, as lines. */
export const inventoryOf = async (host: EmbeddedHost): Promise<string[]> => {
  const lines = await host.output(`
    cd /
    find etc usr opt var/lib -xdev \\( -type f -o -type l -o -type d \\) ! -path 'var/lib/apt/*' \\
      ! -path 'var/lib/systemd/*' ! -path 'var/lib/dpkg/*' ! -path 'var/lib/dnf*' ! -path 'usr/lib/sysimage/rpm/*' \\
      ! -path '*ldconfig*' -printf '%p %m %l\\n' | sort
    find etc -xdev -type f ! -name 'ld.so.cache' -exec sha256sum {} + | sort
    if command -v rpm > /dev/null; then rpm -qa | sort
    else dpkg-query -W -f '\${Package} \${Status}\\n' | grep 'ok installed' | sort; fi
    ls /run | grep -v '^systemd'
    ip -o link | sed 's/.*: \\(.*\\): <.*/\\1/'
    systemctl --failed --no-legend
  `);
  return lines.split('\n');
};

/** Only what differs: the whole lists would hide it. */
export const assertSame = (now: readonly string[], before: readonly string[]): void => {
  assert.deepEqual(
    {
      added: now.filter((line) => !before.includes(line)),
      lost: before.filter((line) => !now.includes(line)),
    },
    { added: [], lost: [] },
  );
};

/** Of the inventory, what the host and not its image is: a package that was layered goes at the next boot. */
export const withoutImage = (lines: readonly string[]): string[] =>
  lines.filter(
    (line) => !/^usr\/(?!local)|\.fc41\.\w+$|etc\/(ethertypes|protocols|rpc|services)\b/.test(line),
  );
