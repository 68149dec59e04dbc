#!/bin/sh
# `npm test`: installs what the tests need, checks the code, runs every test.
# Arguments are test files; none: all but test/systems, which `npm run test:systems` runs through this script too, and the long
# part of test/vm.
set -eu
cd "$(dirname "$0")/.."

say() { printf '== %s\n' "$*"; }
die() { printf 'npm test: %s\n' "$*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || die "the tests boot hosts and run containers, so they need root; use: sudo npm test"
command -v apt-get >/dev/null || die "the tests need a Debian or Ubuntu machine (their tools come through apt-get)"

if ! [ node_modules/.package-lock.json -nt package-lock.json ]; then
  say "npm ci"
  npm ci
fi

# program → Debian package
missing=${BERTH_TEST_PACKAGES:-}
need() { command -v "$1" >/dev/null || missing="$missing $2"; }
need systemd-nspawn systemd-container
need mmdebstrap mmdebstrap
need sshd openssh-server
need ssh openssh-client
need ip iproute2
need iptables iptables
need conntrack conntrack
need rpmbuild rpm
need createrepo_c createrepo-c
need gpg gpg
need socat socat
need runc runc
need crun crun
need runsc runsc
need apparmor_parser apparmor
need skopeo skopeo
need umoci umoci
need docker-registry docker-registry
need busybox busybox-static
need expect expect
need tmux tmux
need curl curl
need zstd zstd
need jq jq
need age age
need xmllint libxml2-utils
need sudo sudo
need tcsh tcsh
need fish fish
need zsh zsh
need mandoc mandoc
need faketime faketime
need setpriv util-linux
[ ! -e /sys/module/apparmor ] || need apparmor_parser apparmor
need tinyproxy tinyproxy-bin
need qemu-system-x86_64 qemu-system-x86
need qemu-img qemu-utils
need mke2fs e2fsprogs
need vagrant vagrant
[ -x /usr/lib/cni/bridge ] || missing="$missing containernetworking-plugins"
if [ -n "$missing" ]; then
  say "apt-get install$missing"
  # A test machine is no server: keep what the packages bring from starting.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy" && chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT INT TERM
  fi
  apt-get -qq -o APT::Update::Error-Mode=any update
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $missing >/dev/null
fi

tools=$PWD/node_modules/.cache/berth-test
mkdir -p "$tools"
go=$(command -v go || echo /usr/local/go/bin/go)
[ -x "$go" ] || die "the tests build crictl with Go; install Go 1.24 or later (https://go.dev/doc/install)"
version=$(sed -n "s/.*CRICTL_VERSION = '\(.*\)'.*/\1/p" src/artifacts/pins.ts)
if ! [ -x "$tools/crictl-$version" ]; then
  say "go install crictl $version"
  GOBIN=$tools CGO_ENABLED=0 GOFLAGS=-trimpath "$go" install \
    -ldflags "-s -w -X sigs.k8s.io/cri-tools/pkg/version.Version=$version" "sigs.k8s.io/cri-tools/cmd/crictl@v$version"
  mv "$tools/crictl" "$tools/crictl-$version"
fi
BERTH_TEST_CRICTL=$tools/crictl-$version
export BERTH_TEST_CRICTL
if ! [ -x "$tools/critest-$version" ]; then
  say "go build critest $version"
  sh test/critest/build.sh "$go" "$version" "$tools/critest-$version"
fi
BERTH_TEST_CRITEST=$tools/critest-$version
export BERTH_TEST_CRITEST

sops=3.13.3
if ! [ -x "$tools/sops-$sops" ]; then
  say "go install sops $sops"
  GOBIN=$tools CGO_ENABLED=0 GOFLAGS=-trimpath "$go" install "github.com/getsops/sops/v3/cmd/sops@v$sops"
  mv "$tools/sops" "$tools/sops-$sops"
fi
BERTH_TEST_SOPS=$tools/sops-$sops
export BERTH_TEST_SOPS

ignition=2.24.0
if ! [ -x "$tools/ignition-validate-$ignition" ]; then
  say "go install ignition's validate $ignition"
  GOBIN=$tools CGO_ENABLED=0 GOFLAGS=-trimpath "$go" install "github.com/coreos/ignition/v2/validate@v$ignition"
  mv "$tools/validate" "$tools/ignition-validate-$ignition"
fi
BERTH_TEST_IGNITION=$tools/ignition-validate-$ignition
export BERTH_TEST_IGNITION

if [ $# -eq 0 ]; then
  say "lint"
  sh test/lint.sh
  set -- $(find test -path test/systems -prune -o -name '*.test.ts' -print | sort)
  # The short part of `npm run test:vm`: a machine with a kernel, systemd and cgroup v2 of its own.
  [ "$(uname -m)" != x86_64 ] || set -- "$@" test/vm/target-machine.ts
fi

say "tests"
case $(uname -m) in x86_64) arch=x64 ;; *) arch=arm64 ;; esac
exec node_modules/node-linux-$arch/bin/node --disable-warning=ExperimentalWarning \
  --test --test-concurrency=2 --test-timeout="${BERTH_TEST_TIMEOUT:-1800000}" "$@"
