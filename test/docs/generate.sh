#!/bin/sh
# `npm run generate:docs`: writes the pages, the man page and the schema that are made from the program.
set -eu
cd "$(dirname "$0")/../.."
case $(uname -m) in x86_64) arch=x64 ;; *) arch=arm64 ;; esac
exec node_modules/node-linux-$arch/bin/node --disable-warning=ExperimentalWarning test/docs/write-generated.ts
