#!/bin/sh
# Runs in a mount namespace of its own. Makes rpm's database of the layer $LAYER over $BASE say what is in the root.
# Arguments: RPM files of what is there already.
set -eu
root=$LAYER.root
mount -t overlay overlay -o "lowerdir=$BASE,upperdir=$LAYER,workdir=$LAYER.work" "$root"
mkdir -p "$root/usr/lib/sysimage/rpm" "$root/etc/rpm" "$root/tmp/rpms"
# As on Fedora since 36; Debian's own rpm keeps its database in the user's home.
rm -rf "$root/var/lib/rpm"
ln -s ../../usr/lib/sysimage/rpm "$root/var/lib/rpm"
echo '%_dbpath /usr/lib/sysimage/rpm' > "$root/etc/rpm/macros"
cp "$@" "$root/tmp/rpms/"
chroot "$root" sh -c 'rpm --install --justdb --nodeps /tmp/rpms/*.rpm'
rm -rf "$root/tmp/rpms"
umount "$root"
