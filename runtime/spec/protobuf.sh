# Read by the generate.sh of each folder: takes .proto files from pinned Go modules and writes types of them.
buf=1.75.0
protoc_gen_es=2.17.0

here=$(CDPATH= cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# module PATH VERSION: its folder; the Go checksum database decides whether it is the published one
module() { go mod download -json "$1@$2" | sed -n 's/^[[:space:]]*"Dir": "\(.*\)",$/\1/p'; }

# The files below $work/proto become modules and their types below $work/out.
generate() {
  cd "$work"
  printf 'version: v2\nmodules: [{ path: proto }]\n' > buf.yaml
  printf 'version: v2\nplugins: [{ local: ./node_modules/.bin/protoc-gen-es, out: out, opt: [target=js+dts, import_extension=js] }]\n' > buf.gen.yaml
  echo '{}' > package.json
  npm install --silent --no-save "@bufbuild/buf@$buf" "@bufbuild/protoc-gen-es@$protoc_gen_es"
  ./node_modules/.bin/buf build --exclude-source-info -o image.binpb
  ./node_modules/.bin/buf generate image.binpb
}
