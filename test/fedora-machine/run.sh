#!/bin/sh
# `npm run test:fedora`: the quick start on a Fedora-like machine: dnf and rpm, no apt, no dpkg, no ip, no ssh, no Debian
# keys. Runs it twice and removes it, and compares the machine with how it was. Minutes: a Debian root is made in it.
# The machine is a folder with Debian's programs under Fedora's names, in a mount namespace of its own; kernel, cgroups and
# network are those of the real machine.
set -eu
here=$(CDPATH= cd "$(dirname "$0")" && pwd)
checkout=$(CDPATH= cd "$here/../.." && pwd)
[ "$(id -u)" = 0 ] || { echo "test:fedora: this boots a host, so it needs root" >&2; exit 1; }
case $(uname -m) in x86_64) arch=x64 ;; *) arch=arm64 ;; esac
layers=$("$checkout/node_modules/node-linux-$arch/bin/node" --disable-warning=ExperimentalWarning "$here/layers.ts")
machine=$checkout/.berth/fedora-machine
rm -rf "$machine"
trap 'rm -rf "$machine"' EXIT
mkdir -p "$machine/root" "$machine/checkout" "$machine/merged"
# A profile of its own: the quick start's own name and network may be in use by another test.
(cd "$checkout" && tar -c src runtime templates profiles package.json package-lock.json) | tar -x -C "$machine/checkout"
sed -i -e 's/^      name: quick .*/      name: fedq/' -e 's/^      network: 10\.199\.77 .*/      network: 10.199.78/' \
  "$machine/checkout/profiles/quickstart.yaml"
LAYERS=$layers MACHINE=$machine CHECKOUT=$checkout unshare --mount --propagation private sh "$here/enter.sh"
