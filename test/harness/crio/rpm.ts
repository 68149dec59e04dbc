import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commandOutput } from '../../../src/core/command.ts';
import { layOutPackage, type PackageFiles } from './package-files.ts';

const signal = new AbortController().signal;

/** Builds the package of a release into the folder. Fedora has one for each minor, under its own name. */
export async function buildCrioRpm(folder: string, version: string, name = 'cri-o'): Promise<string> {
  const work = await mkdtemp(join(tmpdir(), 'berth-rpm-'));
  try {
    const files = await layOutPackage(work, version, 'sysconfig');
    // Those of Fedora take the conmon of the distribution.
    if (name !== 'cri-o') await symlink('/usr/libexec/crio/conmon', join(files.tree, 'usr/bin/conmon'));
    const spec = join(work, 'cri-o.spec');
    await writeFile(spec, await specOf(name, version, files));
    await commandOutput(
      ['rpmbuild', '-bb', '--quiet', '--define', `_topdir ${work}`, '--define', `_rpmdir ${folder}`, spec],
      { signal, deadlineSeconds: 300 },
    );
    return join(folder, `${name}-${version}-1.1.rpm`);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The scriptlets are what systemd's macros of RPM come to: a preset, and a new start after an upgrade. */
async function specOf(name: string, version: string, { tree, config }: PackageFiles): Promise<string> {
  const entries = await readdir(tree, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(tree.length));
  return `%define debug_package %{nil}
%define __os_install_post %{nil}
%define _build_id_links none
%define _binary_payload w0.gzdio
%define _rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.rpm
Name: ${name}
Version: ${version}
Release: 1.1
Summary: CRI-O
License: Apache-2.0
AutoReqProv: no
Requires: iptables
%description
For tests.
%install
mkdir -p %{buildroot}
cp -a '${tree}'/. %{buildroot}/
%post
[ "$1" -gt 1 ] || systemctl --no-reload preset crio.service || :
%preun
[ "$1" -gt 0 ] || systemctl --no-reload disable --now crio.service || :
%postun
systemctl daemon-reload || :
[ "$1" -lt 1 ] || systemctl try-restart crio.service || :
%files
${paths.map((path) => (config.includes(path) ? `%config(noreplace) ${path}` : path)).join('\n')}
%dir /var/lib/crio
%dir /usr/libexec/crio
%dir /etc/crio
%dir /etc/crio/crio.conf.d
`;
}
