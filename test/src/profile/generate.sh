#!/bin/sh
# `npm run generate:profile`: writes what is made from the schema of the profile.
set -eu
cd "$(dirname "$0")/../../.."
case $(uname -m) in x86_64) arch=x64 ;; *) arch=arm64 ;; esac
exec node_modules/node-linux-$arch/bin/node --disable-warning=ExperimentalWarning test/src/profile/write-generated.ts
