# Asks apt what it would download, with package lists of its own that are fetched now: the host's stay as they are.
# resolve.ts puts the parameters before this text:
#   wanted    names of packages
#   pins      text of an apt_preferences(5) file: versions to hold
#
# Each topic starts with a line "@name"; its lines are what `apt-get --print-uris` prints.

set -u
# Package lists are too large for a /tmp in memory.
folder=$(TMPDIR=/var/tmp mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial" || exit 1
printf '%s\n' "$pins" > "$folder/preferences" || exit 1

options="-q -y -o Dir::State::lists=$folder/lists -o Dir::Cache=$folder/cache -o Dir::Etc::preferences=$folder/preferences
  -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Retries=3
  -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false -o Acquire::IndexTargets::deb::CNF::DefaultEnabled=false
  -o Acquire::ForceHash=SHA256 -o APT::Install-Recommends=false"

# Without the mode apt-get ends with 0 although it could not fetch a single list.
apt-get $options -o APT::Update::Error-Mode=any update > "$folder/update" 2>&1 || { cat "$folder/update" >&2; exit 1; }

# NAMES...: what would be downloaded for them.
would_download() { LC_ALL=C apt-get $options --print-uris "$@" || exit 1; }
on_nothing="-o Dir::State::status=/dev/null install"

echo @wanted
would_download $on_nothing $wanted
# What every system has that berth can work on: the essential packages, apt, systemd as init.
essential=$(apt-cache $options dumpavail | sed -n '/^Package: /{s///;h;};/^Essential: yes/{g;p;}' | sort -u)
echo @bare
would_download $on_nothing $essential apt systemd-sysv
echo @here
would_download install $wanted
echo @end
