import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { goArchitecture } from '../../../src/artifacts/pins.ts';
import { commandOutput } from '../../../src/core/command.ts';
import { layOutPackage } from './package-files.ts';

const signal = new AbortController().signal;

/** Like most packages of Debian: the service starts as soon as it is there, and goes first. */
const scripts = {
  postinst:
    'if [ "$1" = configure ] && [ -z "$2" ]; then systemctl enable -q --now crio.service || true; fi\n',
  prerm: 'if [ "$1" = remove ]; then systemctl disable -q --now crio.service || true; fi\n',
  postrm: 'systemctl daemon-reload || true\n',
} as const;

/** Builds the package of a release into the folder, as the upstream repository of its minor has it. */
export async function buildCrioDeb(folder: string, version: string): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'berth-deb-'));
  try {
    const { tree, config } = await layOutPackage(work, version, 'default');
    const arch = goArchitecture[process.arch === 'x64' ? 'x64' : 'arm64'];
    const control = join(tree, 'DEBIAN');
    await mkdir(control);
    await writeFile(
      join(control, 'control'),
      `Package: cri-o
Version: ${version}-1.1
Architecture: ${arch}
Maintainer: tests
Depends: iptables, libglib2.0-0
Description: CRI-O
`,
    );
    await writeFile(join(control, 'conffiles'), `${config.join('\n')}\n`);
    for (const [name, text] of Object.entries(scripts))
      await writeFile(join(control, name), `#!/bin/sh\nset -e\n${text}`, { mode: 0o755 });
    await mkdir(folder, { recursive: true });
    const file = join(folder, `cri-o_${version}-1.1_${arch}.deb`);
    await commandOutput(['dpkg-deb', '--root-owner-group', '-Zgzip', '-z1', '--build', tree, file], {
      signal,
      deadlineSeconds: 120,
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
