import type { EmbeddedHost } from '../../test/harness/embedded.ts';
import { fetchFiles } from './hosts.ts';

/** What berth brought to a host, for others to bring the same. */
export interface Role {
  readonly packages: readonly string[];
  /** Parents before what is in them. */
  readonly folders: readonly { readonly path: string; readonly mode: string }[];
  /** Their bytes lie in `contents`, under the same path. */
  readonly files: readonly { readonly path: string; readonly mode: string }[];
  readonly links: readonly { readonly path: string; readonly target: string }[];
  readonly modules: readonly string[];
  readonly sysctls: readonly { readonly name: string; readonly value: string }[];
  readonly units: readonly string[];
  readonly contents: string;
}

export const countsOf = (role: Role): string =>
  `${role.files.length} files, ${role.folders.length} folders, ${role.links.length} links, ` +
  `${role.packages.length} packages present, ${role.sysctls.length} sysctls, ${role.modules.length} modules, ` +
  `${role.units.length} units`;

/** Reads berth's own record on a host that it has made a node. */
export const readRole = async (
  host: EmbeddedHost,
  packages: readonly string[],
  contents: string,
): Promise<Role> => {
  const record = (await host.output('cat /var/lib/berth-install/origin'))
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'));
  const named = (kind: string): string[] => [
    ...new Set(record.flatMap(([found, name = '']) => (found === kind ? [name] : []))),
  ];
  const status = await host.output(`stat -c '%n %F,%a' ${[...named('file'), ...named('folder')].join(' ')}`);
  const modes = new Map(
    status.split('\n').map((line) => [line.split(' ')[0] ?? '', line.split(',')[1] ?? '']),
  );
  const withMode = (path: string) => ({ path, mode: `0${modes.get(path)}` });
  const isLink = (path: string): boolean => status.includes(`${path} symbolic link`);
  const paths = named('file').filter((path) => !isLink(path));
  const lines = async (path: string): Promise<string[]> =>
    (await host.output(`grep -v '^#' ${path}`)).trim().split('\n');
  await fetchFiles(host, paths, contents);
  return {
    packages,
    folders: named('folder').map(withMode),
    files: paths.map(withMode),
    links: await Promise.all(
      named('file')
        .filter(isLink)
        .map(async (path) => ({ path, target: (await host.output(`readlink ${path}`)).trim() })),
    ),
    modules: await lines('/etc/modules-load.d/berth.conf'),
    sysctls: (await lines('/etc/sysctl.d/90-berth.conf')).map((line) => {
      const [name = '', value = ''] = line.split(' = ');
      return { name, value };
    }),
    units: named('unit'),
    contents,
  };
};

/** Makes the host as it was before the role; the packages stay. */
export const cleanHost = async (host: EmbeddedHost, role: Role): Promise<void> => {
  const paths = [...role.files, ...role.links].map(({ path }) => path);
  await host.output(`
systemctl disable --quiet --now ${role.units.join(' ')} 2> /dev/null || true
rm -rf /usr/lib/berth /var/lib/berth /var/lib/berth-install /run/berth /run/berth-install ${paths.join(' ')}
for folder in ${role.folders
    .map(({ path }) => path)
    .toReversed()
    .join(' ')}; do rmdir "$folder" 2> /dev/null || true; done
systemctl daemon-reload
systemctl reset-failed
sync`);
};
