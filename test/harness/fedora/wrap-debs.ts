import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { commandOutput } from '../../../src/core/command.ts';

const signal = new AbortController().signal;

/** What Fedora calls the package; others keep Debian's name. */
const fedoraNames: Readonly<Record<string, string>> = {
  iproute2: 'iproute',
  iptables: 'iptables-nft',
  conntrack: 'conntrack-tools',
  'busybox-static': 'busybox',
  'libnetfilter-conntrack3': 'libnetfilter_conntrack',
  'openssh-client': 'openssh-clients',
};

/** Where Fedora keeps what Debian keeps elsewhere; what Debian has in /lib and /bin is in /usr everywhere. */
const moved: readonly (readonly [string, string])[] = [
  ['lib64', 'usr/lib64'],
  ['lib', 'usr/lib'],
  ['bin', 'usr/bin'],
  ['sbin', 'usr/sbin'],
  ['usr/lib/cni', 'usr/libexec/cni'],
];

/** Fedora's alternatives(8) give these names to what iptables-nft brings. */
const nftNames = ['iptables', 'ip6tables'].flatMap((name) =>
  ['', '-save', '-restore'].map((suffix) => `${name}${suffix}`),
);

/** One RPM to be: sections of a spec file, and the tree that holds its files. */
export interface RpmSource {
  readonly name: string;
  readonly version: string;
  readonly release?: string;
  readonly epoch?: string;
  readonly requires?: readonly string[];
  readonly provides?: readonly string[];
  /** Scriptlets by section, e.g. `post`. */
  readonly scriptlets?: Readonly<Record<string, string>>;
  /** Folder that becomes `/`; undefined: a package without files. */
  readonly tree?: string;
}

/** The RPM that a Debian package becomes; its files are unpacked below `folder`. `known`: names that may be required. */
export async function rpmOfDeb(deb: string, folder: string, known: ReadonlySet<string>): Promise<RpmSource> {
  const [name = '', version = '', ...depends] = await debFields(deb);
  const tree = join(folder, name);
  await mkdir(tree, { recursive: true });
  await commandOutput(['dpkg-deb', '--extract', deb, tree], { signal });
  await arrange(tree, name);
  return {
    name: fedoraNames[name] ?? name,
    ...rpmVersion(version),
    provides: [debName(name), ...(name === 'iptables' ? ['iptables'] : [])],
    requires: depends.flatMap((list) => requirementsIn(list, known)).map(debName),
    tree,
  };
}

/** Each Debian name is a capability, so that dependencies need no translation. */
export const debName = (name: string): string => `deb(${name})`;

async function debFields(deb: string): Promise<string[]> {
  const fields = ['Package', 'Version', 'Depends', 'Pre-Depends'];
  const format = fields.map((field) => `\${${field}}\n`).join('');
  return (await commandOutput(['dpkg-deb', '--show', `--showformat=${format}`, deb], { signal })).split('\n');
}

/** Of `a (>= 1) | b, c`: the first of each alternative that can be had. */
const requirementsIn = (list: string, known: ReadonlySet<string>): string[] =>
  list.split(',').flatMap((each) => {
    const names = each.split('|').map((name) => name.trim().split(/[\s:(]/)[0] ?? '');
    const found = names.find((name) => known.has(name));
    return found === undefined ? [] : [found];
  });

/** `1:2.3+ds1-4` as epoch, version and release, in the characters that RPM allows. */
export function rpmVersion(version: string): { epoch?: string; version: string; release: string } {
  const [, epoch, rest = ''] = /^(?:(\d+):)?(.*)$/.exec(version) ?? [];
  const cut = rest.lastIndexOf('-');
  const clean = (text: string): string => text.replaceAll('-', '.');
  return {
    ...(epoch === undefined ? {} : { epoch }),
    version: clean(cut === -1 ? rest : rest.slice(0, cut)),
    release: `${cut === -1 ? '1' : clean(rest.slice(cut + 1))}.fc41`,
  };
}

async function arrange(tree: string, name: string): Promise<void> {
  for (const folder of ['doc', 'man', 'locale', 'lintian', 'bug'])
    await rm(join(tree, 'usr/share', folder), { recursive: true, force: true });
  for (const [from, to] of moved) {
    if (!existsSync(join(tree, from))) continue;
    await mkdir(dirname(join(tree, to)), { recursive: true });
    if (existsSync(join(tree, to)))
      await cp(join(tree, from), join(tree, to), { recursive: true, verbatimSymlinks: true });
    else await rename(join(tree, from), join(tree, to));
    await rm(join(tree, from), { recursive: true, force: true });
  }
  if (name !== 'iptables') return;
  for (const each of nftNames) await symlink('xtables-nft-multi', join(tree, 'usr/sbin', each));
}

/** Builds all of them with one run of rpmbuild, and answers the files. `root`: folders in it belong to no package. */
export async function buildRpms(
  sources: readonly RpmSource[],
  target: string,
  root: string,
): Promise<string[]> {
  const work = await mkdtemp(join(tmpdir(), 'berth-rpm-'));
  try {
    const sections = await Promise.all(sources.map((source) => sectionsOf(source, root)));
    const copies = sources.flatMap(({ tree }) =>
      tree === undefined ? [] : [`cp -a '${tree}'/. %{buildroot}/`],
    );
    const spec = join(work, 'wrapped.spec');
    await writeFile(
      spec,
      `${header}${sections.map(({ head }) => head).join('\n')}
%install
mkdir -p %{buildroot}
${copies.join('\n')}
${sections.map(({ files }) => files).join('\n')}`,
    );
    await mkdir(target, { recursive: true });
    await commandOutput(
      ['rpmbuild', '-bb', '--quiet', '--define', `_topdir ${work}`, '--define', `_rpmdir ${target}`, spec],
      { signal, deadlineSeconds: 300 },
    );
    const names = (await readdir(target)).filter((file) => file.endsWith('.rpm'));
    return names.map((file) => join(target, file));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The source package itself has no %files, and so becomes no RPM; little compression: they are unpacked at once. */
const header = `%define debug_package %{nil}
%define __os_install_post %{nil}
%define _build_id_links none
%define _binary_payload w0.gzdio
%define _rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.rpm
Name: wrapped
Version: 1
Release: 1
Summary: Debian packages as RPMs
License: various
AutoReqProv: no
%description
For tests.
`;

async function sectionsOf(source: RpmSource, root: string): Promise<{ head: string; files: string }> {
  const { name, version, release = '1.fc41', epoch, requires = [], provides = [], scriptlets = {} } = source;
  const tags = [
    `%package -n ${name}`,
    `Version: ${version}`,
    `Release: ${release}`,
    ...(epoch === undefined ? [] : [`Epoch: ${epoch}`]),
    'Summary: a package for tests',
    'AutoReqProv: no',
    ...requires.map((each) => `Requires: ${each}`),
    ...provides.map((each) => `Provides: ${each}`),
    `%description -n ${name}\nFor tests.`,
    ...Object.entries(scriptlets).map(([section, text]) => `%${section} -n ${name}\n${text}`),
  ];
  const list = source.tree === undefined ? [] : await entriesOf(source.tree, root);
  return { head: tags.join('\n'), files: [`%files -n ${name}`, ...list, ''].join('\n') };
}

/** Every file, and the folders that the root does not have: those go with the package. */
async function entriesOf(tree: string, root: string): Promise<string[]> {
  const entries = await readdir(tree, { recursive: true, withFileTypes: true });
  return entries.flatMap((entry) => {
    const path = join(entry.parentPath, entry.name).slice(tree.length);
    if (!entry.isDirectory()) return [`"${path}"`];
    return existsSync(join(root, path)) ? [] : [`%dir "${path}"`];
  });
}

/** What `dpkg-query` said of the root, as name and version. */
export const packagesInRoot = async (list: string): Promise<Map<string, string>> =>
  new Map(
    (await readFile(list, 'utf8'))
      .trim()
      .split('\n')
      .map((line): [string, string] => {
        const [name = '', version = ''] = line.split('\t');
        return [name, version];
      }),
  );

export const isDeb = (path: string): boolean => basename(path).endsWith('.deb');
