#!/bin/sh
# The first command of a fresh checkout: installs berth's npm packages where they are missing or older
# than the lock file, then runs "berth quickstart", which says what it does before it does it.
set -eu
root=$(CDPATH= cd "$(dirname "$0")/../.." && pwd)
cd "$root"

if [ "$(id -u)" != 0 ]; then
  echo "quickstart: this needs root, because it boots a host of its own on this machine." >&2
  echo "quickstart: run it as: sudo npm run quickstart" >&2
  exit 1
fi

# npm writes this file when an installation is complete.
installed=node_modules/.package-lock.json
if [ ! -e "$installed" ] || [ package-lock.json -nt "$installed" ]; then
  echo "quickstart: installing berth's npm packages into $root/node_modules (npm ci, about 400 MB) ..."
  npm ci
fi

exec src/cli/berth quickstart "$@"
