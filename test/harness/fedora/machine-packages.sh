#!/bin/sh
# Runs in a mount namespace of its own. Puts Debian's packages of what embedded hosts need on a machine into $DEBS.
set -eu
root=$DEBS/root
mkdir -p "$root" "$DEBS/partial" "$DEBS/upper" "$DEBS/work"
mount -t overlay overlay -o "lowerdir=$BASE,upperdir=$DEBS/upper,workdir=$DEBS/work" "$root"
mount -t proc proc "$root/proc"
mkdir -p "$root/tmp/debs"
mount --bind "$DEBS" "$root/tmp/debs"
cp /etc/resolv.conf "$root/etc/resolv.conf"
apt() { chroot "$root" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o APT::Update::Error-Mode=any -o Acquire::Languages=none "$@"; }
apt update
apt -o Dir::Cache::archives=/tmp/debs install --no-install-recommends --download-only systemd-container mmdebstrap debian-archive-keyring > /dev/null
chroot "$root" sh -c 'cd /tmp/debs && apt-get -qq download apt dpkg debian-archive-keyring openssh-client iproute2'
chroot "$root" dpkg-query -W -f '${Package}\t${Version}\n' > "$DEBS/in-the-root"
