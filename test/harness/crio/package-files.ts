import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { commandOutput } from '../../../src/core/command.ts';
import { conmonIn } from './conmon.ts';
import { buildCrio } from './releases.ts';

const signal = new AbortController().signal;

export interface PackageFiles {
  /** Becomes `/`. */
  readonly tree: string;
  /** Files that an upgrade leaves as the administrator has them. Everything else is written anew, in /etc too. */
  readonly config: readonly string[];
}

/**
 * The files of CRI-O's packages where their own project puts them, the runtimes and conmon for CRI-O alone, in a folder of
 * its own, included: templates/latest/cri-o/cri-o.spec of https://github.com/cri-o/packaging.
 * @param options the name of the folder below /etc for settings of services
 */
export async function layOutPackage(folder: string, version: string, options: string): Promise<PackageFiles> {
  const { crio, pinns } = await buildCrio(version);
  const tree = join(folder, 'tree');
  const programs = {
    '/usr/bin/crio': crio,
    '/usr/bin/pinns': pinns,
    '/usr/libexec/crio/conmon': await conmonIn(folder),
    '/usr/libexec/crio/runc': await whereIs('runc'),
    '/usr/libexec/crio/crun': await whereIs('crun'),
  };
  for (const [path, source] of Object.entries(programs)) {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await copyFile(source, join(tree, path));
    await commandOutput(['chmod', '755', join(tree, path)], { signal });
  }
  const config = {
    [`/etc/${options}/crio`]: '# CRIO_RUNTIME_OPTIONS=\n',
    '/etc/containers/registries.conf.d/crio.conf': 'unqualified-search-registries = ["docker.io"]\n',
    '/etc/crictl.yaml': 'runtime-endpoint: "unix:///var/run/crio/crio.sock"\n',
    '/etc/cni/net.d/10-crio-bridge.conflist.disabled': '{}\n',
  };
  const texts = {
    ...config,
    '/etc/crio/policy.json': '{ "default": [{ "type": "insecureAcceptAnything" }] }\n',
    '/etc/crio/crio.conf.d/10-crio.conf': dropIn,
    '/usr/lib/systemd/system/crio.service': unit(options),
  };
  for (const [path, text] of Object.entries(texts)) {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await writeFile(join(tree, path), text);
  }
  await mkdir(join(tree, 'var/lib/crio'), { recursive: true });
  return { tree, config: Object.keys(config) };
}

const whereIs = async (program: string): Promise<string> =>
  (await commandOutput(['sh', '-c', `readlink -f "$(command -v ${program})"`], { signal })).trim();

const dropIn = `[crio.image]
signature_policy = "/etc/crio/policy.json"

[crio.runtime]
default_runtime = "crun"

[crio.runtime.runtimes.crun]
runtime_path = "/usr/libexec/crio/crun"
runtime_root = "/run/crun"
monitor_path = "/usr/libexec/crio/conmon"

[crio.runtime.runtimes.runc]
runtime_path = "/usr/libexec/crio/runc"
runtime_root = "/run/runc"
monitor_path = "/usr/libexec/crio/conmon"
`;

const unit = (options: string): string => `[Unit]
Description=Container Runtime Interface for OCI (CRI-O)
Wants=network-online.target
Before=kubelet.service
After=network-online.target

[Service]
Type=notify
EnvironmentFile=-/etc/${options}/crio
ExecStart=/usr/bin/crio $CRIO_CONFIG_OPTIONS $CRIO_RUNTIME_OPTIONS
ExecReload=/bin/kill -s HUP $MAINPID
TasksMax=infinity
OOMScoreAdjust=-999
TimeoutStartSec=0
Restart=on-failure
RestartSec=10

[Install]
WantedBy=multi-user.target
Alias=cri-o.service
`;
