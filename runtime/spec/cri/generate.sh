#!/bin/sh
# Writes api_pb.js and api_pb.d.ts anew from the pinned k8s.io/cri-api module. Run it when the CRI moves:
# change the version here, run `npm run generate:cri`, read the diff.
set -eu
version=v0.37.2

. "$(dirname "$0")/../protobuf.sh"
mkdir -p "$work/proto/cri"
cp "$(module k8s.io/cri-api "$version")/pkg/apis/runtime/v1/api.proto" "$work/proto/cri/api.proto"
generate
cp out/cri/api_pb.js out/cri/api_pb.d.ts "$here/"
