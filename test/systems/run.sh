#!/bin/sh
# `npm run test:systems`: the tests that take too long for every push, each with the real thing of docs/systems.md.
# Arguments are test files; none: all of test/systems. What they need beyond `npm test` is listed here.
set -eu
cd "$(dirname "$0")/../.."

# program → Debian package
more=
need() { command -v "$1" >/dev/null || more="$more $2"; }
need qemu-aarch64-static qemu-user-static
need apt-ftparchive apt-utils
need pkg-config pkg-config
need gcc gcc
[ -e /usr/include/seccomp.h ] || more="$more libseccomp-dev libc6-dev"
[ -e /usr/aarch64-linux-gnu/lib/libstdc++.so.6 ] || more="$more libc6-arm64-cross libstdc++6-arm64-cross"

[ $# -gt 0 ] || set -- $(find test/systems -name '*.test.ts' | sort)
[ $# -gt 0 ] || { printf 'npm run test:systems: there is no test in test/systems\n' >&2; exit 1; }

BERTH_TEST_PACKAGES=$more exec sh test/run.sh "$@"
