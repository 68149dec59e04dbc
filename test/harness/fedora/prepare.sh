#!/bin/sh
# Runs in a mount namespace of its own. Fills the overlay layer $LAYER over $BASE with what makes a Debian root one that
# has dnf and rpm, and puts the packages that the RPMs will be made of into $DEBS.
# Arguments: the Debian packages to offer as RPMs; their dependencies come with them.
set -eu
root=$LAYER.root
mkdir -p "$root" "$LAYER.work" "$LAYER" "$DEBS/partial"
mount -t overlay overlay -o "lowerdir=$BASE,upperdir=$LAYER,workdir=$LAYER.work" "$root"
mount -t proc proc "$root/proc"
mkdir -p "$root/tmp/debs"
mount --bind "$DEBS" "$root/tmp/debs"
cp /etc/resolv.conf "$root/etc/resolv.conf"

in_root() { chroot "$root" env DEBIAN_FRONTEND=noninteractive "$@"; }
apt() { in_root apt-get -qq -y -o APT::Update::Error-Mode=any -o Acquire::Languages=none "$@"; }
apt update
# It makes __pycache__ folders for every module: none of them is needed.
apt -o Dpkg::Options::=--force-unsafe-io install --no-install-recommends dnf rpm > /dev/null
apt -o Dir::Cache::archives=/tmp/debs install --no-install-recommends --download-only "$@" > /dev/null
# Some are in the root already, and are offered all the same.
(cd "$DEBS" && for each in $PRESENT; do in_root sh -c "cd /tmp/debs && apt-get -qq download $each"; done)
in_root dpkg-query -W -f '${Package}\t${Version}\n' > "$DEBS/in-the-root"

umount "$root/tmp/debs"
rm -rf "$root/tmp/debs" "$root/etc/resolv.conf" "$root/var/lib/apt" "$root/var/cache/apt" "$root/var/lib/dpkg" "$root/etc/apt"
for program in "$root"/usr/bin/apt* "$root"/usr/bin/dpkg* "$root"/usr/sbin/dpkg*; do rm -f "$program"; done
umount "$root/proc"
