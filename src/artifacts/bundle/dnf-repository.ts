import { createHash } from 'node:crypto';
import type { RepositoryFile } from './apt-repository.ts';
import { type Capability, type Relation, type RpmHeader, readRpmHeader } from './rpm-header.ts';

/*
 * A repository of RPMs as createrepo_c(8) makes it, of the one list that dnf cannot do without: `primary`, with every file in it. No
 * clock and no machine is in it: the same packages give the same bytes.
 */

const primaryPath = 'repodata/primary.xml';
const repomdPath = 'repodata/repomd.xml';

/** Paths in the repository, and what stands there. */
export async function dnfIndex(files: readonly RepositoryFile[]): Promise<Record<string, string>> {
  const sorted = files.toSorted((a, b) => (a.file < b.file ? -1 : 1));
  const packages: string[] = [];
  for (const file of sorted) packages.push(packageXml(file, await readRpmHeader(file.path)));
  return indexOf(packages);
}

/** The same for those files alone. `read` answers a file of the whole index. */
export function dnfIndexOf(
  read: (path: string) => string,
  files: ReadonlySet<string>,
): Record<string, string> {
  const packages = read(primaryPath).match(/<package type="rpm">[\s\S]*?<\/package>\n/g) ?? [];
  return indexOf(packages.filter((each) => files.has(/<location href="([^"]+)"/.exec(each)?.[1] ?? '')));
}

function indexOf(packages: readonly string[]): Record<string, string> {
  const primary = `<?xml version="1.0" encoding="UTF-8"?>
<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="${packages.length}">
${packages.join('')}</metadata>
`;
  const sha256 = createHash('sha256').update(primary).digest('hex');
  const repomd = `<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm">
<revision>0</revision>
<data type="primary">
<checksum type="sha256">${sha256}</checksum>
<location href="${primaryPath}"/>
<timestamp>0</timestamp>
<size>${Buffer.byteLength(primary)}</size>
</data>
</repomd>
`;
  return { [primaryPath]: primary, [repomdPath]: repomd };
}

function packageXml({ file, sha256, bytes }: RepositoryFile, header: RpmHeader): string {
  const { name, arch, epoch, version, release, buildTime, installedBytes, range, files } = header;
  const lists = (['provides', 'requires', 'conflicts', 'obsoletes'] as const).map((relation) =>
    relationXml(relation, header.relations[relation]),
  );
  const paths = files.map(
    ({ path, folder }) => `<file${folder ? ' type="dir"' : ''}>${escaped(path)}</file>\n`,
  );
  return `<package type="rpm">
<name>${escaped(name)}</name>
<arch>${escaped(arch)}</arch>
<version epoch="${epoch}" ver="${escaped(version)}" rel="${escaped(release)}"/>
<checksum type="sha256" pkgid="YES">${sha256}</checksum>
<summary/>
<description/>
<time file="${buildTime}" build="${buildTime}"/>
<size package="${bytes}" installed="${installedBytes}" archive="0"/>
<location href="${escaped(file)}"/>
<format>
<rpm:header-range start="${range[0]}" end="${range[1]}"/>
${lists.join('')}${paths.join('')}</format>
</package>
`;
}

function relationXml(relation: Relation, capabilities: readonly Capability[]): string {
  // What rpm itself can do is no package's to provide.
  const told = capabilities.filter(({ name }) => !name.startsWith('rpmlib('));
  if (told.length === 0) return '';
  return `<rpm:${relation}>\n${told.map(capabilityXml).join('')}</rpm:${relation}>\n`;
}

const comparisons: Readonly<Record<number, string>> = { 2: 'LT', 4: 'GT', 8: 'EQ', 10: 'LE', 12: 'GE' };

function capabilityXml({ name, flags, version }: Capability): string {
  const comparison = comparisons[flags & 0b1110];
  if (comparison === undefined || version === '') return `<rpm:entry name="${escaped(name)}"/>\n`;
  const [, epoch = '0', ver = '', rel] = /^(?:(\d+):)?([^-]*)(?:-(.*))?$/.exec(version) ?? [];
  const release = rel === undefined ? '' : ` rel="${escaped(rel)}"`;
  return `<rpm:entry name="${escaped(name)}" flags="${comparison}" epoch="${epoch}" ver="${escaped(ver)}"${release}/>\n`;
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

const escaped = (text: string): string => text.replaceAll(/[&<>"]/g, (each) => entities[each] ?? each);
