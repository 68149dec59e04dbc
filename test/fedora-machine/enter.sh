#!/bin/sh
# In a mount namespace of its own: makes the machine of $LAYERS below $MACHINE, and runs inside.sh in it.
set -eu
root=$MACHINE/root
mount -t overlay overlay -o "lowerdir=$LAYERS" "$MACHINE/merged"
# Plain files: an overlay cannot hold the writable layer of an embedded host.
cp -a "$MACHINE/merged/." "$root/"
umount "$MACHINE/merged"
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
cp /etc/resolv.conf /etc/hosts "$root/etc/"
mkdir -p "$root/srv/berth"
mount --bind "$MACHINE/checkout" "$root/srv/berth"
mkdir -p "$root/srv/berth/node_modules"
mount --bind "$CHECKOUT/node_modules" "$root/srv/berth/node_modules"
# Fetched and built artifacts stay from run to run, as in the other tests.
mkdir -p "$CHECKOUT/.berth/cache" "$root/srv/cache"
mount --bind "$CHECKOUT/.berth/cache" "$root/srv/cache"
cp "$(dirname "$0")/inside.sh" "$root/srv/inside.sh"
# Not chroot alone: who enters the namespace of a container in the host, as "runc exec" does, starts at its namespace's root.
mkdir "$root/.outside"
cd "$root"
pivot_root . .outside
exec chroot . /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root BERTH_CACHE=/srv/cache \
  sh -c 'umount --lazy /.outside && rmdir /.outside && exec sh /srv/inside.sh'
