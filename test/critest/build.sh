#!/bin/sh
# build.sh GO VERSION FILE: builds critest. It is a test binary and has no main package that go install could take.
set -eu
go=$1 version=$2 file=$3
module=$(mktemp -d)
trap 'rm -rf "$module"' EXIT
cd "$module"
"$go" mod init berth.test/critest 2>/dev/null
"$go" get -t "sigs.k8s.io/cri-tools/cmd/critest@v$version" 2>/dev/null
CGO_ENABLED=0 GOFLAGS=-trimpath "$go" test -c -ldflags "-s -w" -o "$file.new" sigs.k8s.io/cri-tools/cmd/critest
mv "$file.new" "$file"
