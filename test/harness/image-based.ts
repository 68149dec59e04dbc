import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Stands for rpm-ostree, which cannot run without a deployment to boot from. It does what it was told to do here, by dnf
 * while /usr is writable for a moment, notes every call, and refuses whatever else it is asked.
 */
const rpmOstree = `#!/bin/sh
echo "$*" >> /root/rpm-ostree-calls
refuse() { echo "error: this rpm-ostree was not told what to do with: $*" >&2; exit 64; }
requested=/root/rpm-ostree-requested
case "$1 $2" in
  'install --apply-live')
    [ "$3 $4 $5" = '--idempotent --allow-inactive --assumeyes' ] || refuse "$*"
    shift 5
    mount -o remount,bind,rw /usr
    dnf -y -q install "$@" > /dev/null 2>&1
    code=$?
    mount -o remount,bind,ro /usr
    [ $code -ne 0 ] || for name do echo "$name" >> $requested; done
    exit $code ;;
  'uninstall --idempotent')
    [ "$3" = --assumeyes ] || refuse "$*"
    shift 3
    for name do grep -qxF "$name" $requested || { echo "error: Package/capability '$name' is not currently requested" >&2; exit 1; }; done
    echo 'Changes queued for next boot.' ;;
  'status --json')
    printf '{ "deployments": [ { "requested-packages": ['
    sed 's/.*/"&",/' $requested 2> /dev/null
    printf '""] } ] }\\n' ;;
  'status '*) echo 'State: idle' ;;
  *) refuse "$*" ;;
esac
`;

/** Late in the boot, after what the test host itself writes there: /usr as part of an image. */
const readOnlyUnit = (localInVar: boolean): string => `[Unit]
Description=/usr as part of an image
DefaultDependencies=no
After=kernel-modules-index.service systemd-sysusers.service
Before=sysinit.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'mount --bind /usr /usr && touch /run/ostree-booted'
${localInVar ? "ExecStart=/bin/sh -c 'mkdir -p /var/usrlocal && cp -a /usr/local/. /var/usrlocal && mount --bind /var/usrlocal /usr/local'" : ''}
ExecStart=mount -o remount,bind,ro /usr

[Install]
WantedBy=sysinit.target
`;

const osRelease = `NAME="Fedora Linux"
VERSION_ID=41
PRETTY_NAME="Fedora CoreOS 41.20250101.3.0"
ID=fedora
VARIANT_ID=coreos
`;

/**
 * A layer over the Fedora-like one: /usr is a read-only mount. `coreos`: /usr/local leads to /var, and rpm-ostree is
 * there. `bootc`: neither.
 */
export async function imageLayer(kind: 'coreos' | 'bootc', folder: string): Promise<string> {
  const unit = readOnlyUnit(kind === 'coreos');
  const key = createHash('sha256').update(unit).update(rpmOstree).digest('hex').slice(0, 8);
  const layer = join(folder, `${kind}-${key}`);
  if (existsSync(layer)) return layer;
  const part = `${layer}.part`;
  await rm(part, { recursive: true, force: true });
  const units = join(part, 'etc/systemd/system');
  await mkdir(join(units, 'sysinit.target.wants'), { recursive: true });
  await mkdir(join(part, 'usr/bin'), { recursive: true });
  await writeFile(join(part, 'etc/os-release'), osRelease);
  await writeFile(join(units, 'usr-read-only.service'), unit);
  await symlink('../usr-read-only.service', join(units, 'sysinit.target.wants/usr-read-only.service'));
  if (kind === 'coreos') await writeFile(join(part, 'usr/bin/rpm-ostree'), rpmOstree, { mode: 0o755 });
  await rename(part, layer);
  return layer;
}
