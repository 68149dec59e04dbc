#!/bin/sh
# Writes api_pb.js and api_pb.d.ts anew from the pinned k8s.io/cri-api module. Run it when the CRI moves:
# change the version here, run `npm run generate:cri`, read the diff.
set -eu
version=v0.37.2
buf=1.75.0
protoc_gen_es=2.17.0

here=$(CDPATH= cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/proto/cri"
# the Go checksum database decides whether the module is the published one
module=$(go mod download -json "k8s.io/cri-api@$version" | sed -n 's/^[[:space:]]*"Dir": "\(.*\)",$/\1/p')
cp "$module/pkg/apis/runtime/v1/api.proto" "$work/proto/cri/api.proto"
cd "$work"
printf 'version: v2\nmodules: [{ path: proto }]\n' > buf.yaml
printf 'version: v2\nplugins: [{ local: ./node_modules/.bin/protoc-gen-es, out: out, opt: [target=js+dts, import_extension=js] }]\n' > buf.gen.yaml
echo '{}' > package.json
npm install --silent --no-save "@bufbuild/buf@$buf" "@bufbuild/protoc-gen-es@$protoc_gen_es"
./node_modules/.bin/buf build --exclude-source-info -o image.binpb
./node_modules/.bin/buf generate image.binpb
cp out/cri/api_pb.js out/cri/api_pb.d.ts "$here/"
