#!/bin/sh
# Writes the types of what goes over ttrpc anew, from the pinned modules: ttrpc's own frames, the Node Resource
# Interface, and containerd's shims: how they are started, their task service, their events. Run it when one of them moves: change the version
# here, run `npm run generate:ttrpc`, read the diff.
set -eu
ttrpc=v1.2.9
nri=v0.12.3
containerd_api=v1.12.0

. "$(dirname "$0")/../protobuf.sh"
mkdir -p "$work/proto/google/rpc" "$work/proto/ttrpc" "$work/proto/nri" "$work/proto/types/task" "$work/proto/task"
cp "$(module github.com/containerd/ttrpc "$ttrpc")/request.proto" "$work/proto/ttrpc/"
# ttrpc takes it from googleapis, which is no Go module of .proto files; these are all of its fields
cat > "$work/proto/google/rpc/status.proto" <<'PROTO'
syntax = "proto3";
package google.rpc;
import "google/protobuf/any.proto";
message Status {
  int32 code = 1;
  string message = 2;
  repeated google.protobuf.Any details = 3;
}
PROTO
cp "$(module github.com/containerd/nri "$nri")/pkg/api/api.proto" "$work/proto/nri/"
api=$(module github.com/containerd/containerd/api "$containerd_api")
cp "$api/types/mount.proto" "$work/proto/types/"
cp "$api/types/task/task.proto" "$work/proto/types/task/"
cp "$api/runtime/task/v2/shim.proto" "$work/proto/task/"
cp "$api/runtime/bootstrap/v1/bootstrap.proto" "$api/types/runtimeoptions/v1/api.proto" "$work/proto/task/"
mv "$work/proto/task/api.proto" "$work/proto/task/options.proto"
cp "$api/services/ttrpc/events/v1/events.proto" "$work/proto/task/"
cp "$api/events/task.proto" "$work/proto/task/task_events.proto"
cp "$api/types/event.proto" "$api/types/fieldpath.proto" "$work/proto/types/"
chmod -R u+w "$work/proto"
generate
for each in ttrpc nri task types google; do
  rm -rf "${here:?}/$each"
  cp -R "out/$each" "$here/"
done
printf '/** Of the module that api_pb.js is made from; plugins are told. */\nexport const NRI_VERSION = %s;\n' "'$nri'" > "$here/nri/version.ts"
