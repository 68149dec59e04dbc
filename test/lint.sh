#!/bin/sh
# Types, format and style, room rules and cycles, unused code. Stops at the first that complains.
set -eu
cd "$(dirname "$0")/.."
case $(uname -m) in x86_64) arch=x64 ;; *) arch=arm64 ;; esac
PATH=$PWD/node_modules/node-linux-$arch/bin:$PWD/node_modules/.bin:$PATH
tsc --project .
biome check --error-on-warnings src runtime test bench package.json tsconfig.json biome.json knip.json
depcruise --output-type err --config .dependency-cruiser.cjs src runtime test bench
knip --no-progress
