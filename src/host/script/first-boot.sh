# Makes this machine a node at its first boot, from what is behind the last line of this file: the very steps of
# berth apply, and the shell that carries them out. POSIX sh with coreutils or busybox.
#
# first-boot.ts puts the parameters before this text, and behind it the function `feed` and the sections:
#   digest                  of all of this: a machine that was made by it is not made again
#   os_name os_id os_version os_variant machine
#                           what the steps are for; an empty one may be anything
#   address                 where artifacts are fetched; empty: they are sections of this file
#   units                   services that must run
#   crictl crictl_version   the program that proves the node, and what it must say of itself
#   image                   of the pod that proves it; empty: no pod is run
#   state                   where berth keeps its memory on the machine

work=$state/first-boot-work
stamp=$state/first-boot-done
generation=

say() { printf 'berth: %s\n' "$*"; }
die() {
  printf 'berth: first boot failed: %s\n' "$*" >&2
  [ -z "$generation" ] || printf 'red\tfirst-boot\t%s\nverified\tred\t%s\n' "$(date +%s)" "$(date +%s)" >> "$generation/outcome"
  exit 1
}

# NAME: the section of this file, as bytes.
section() {
  sed -n -e "/^#:$1\$/,/^#:/{" -e "/^#:$1\$/d" -e '/^#:/q' -e p -e '}' "$0" | base64 -d
}
part() { section "part-$1" | gzip -dc; }

# From os-release(5); in a shell of its own, since it may set anything.
os() { (
  for f in /etc/os-release /usr/lib/os-release; do
    [ -r "$f" ] && { . "$f"; break; }
  done
  eval "printf %s \"\${$1:-}\""
); }

# The steps were planned for one system: on another they would stop half-way.
require_system() {
  [ "$(id -u)" = 0 ] || die "root must run this"
  [ -d /run/systemd/system ] || die "systemd is not the init of this machine"
  [ "$(uname -m)" = "$machine" ] || die "this is for $machine, and the machine is $(uname -m): berth export --arch"
  id=$(os ID) version=$(os VERSION_ID) variant=$(os VARIANT_ID)
  [ "$id" = "$os_id" ] && [ "$variant" = "${os_variant:-$variant}" ] || die "this is for $os_name, and the machine is $id $version $variant: berth export --os"
  case $version in
    "$os_version" | "$os_version".*) ;;
    *) [ -z "$os_version" ] || die "this is for $os_name, and the machine is $id $version: berth export --os" ;;
  esac
}

# Says why there is nothing to do, or goes on.
require_first() {
  [ -r "$stamp" ] || return 0
  read -r made < "$stamp"
  if [ "$made" = "$digest" ]; then
    say "this machine was made a node already"
    exit 0
  fi
  die "this machine was made a node by other first-boot data; change it with berth apply"
}

# URL FILE
download() {
  if command -v curl > /dev/null 2>&1; then curl -fsSL --connect-timeout 20 --speed-limit 1000 --speed-time 60 -o "$2" "$1"
  elif command -v wget > /dev/null 2>&1; then wget -q -T 60 -O "$2" "$1"
  elif command -v python3 > /dev/null 2>&1; then
    python3 -c 'import sys, shutil, urllib.request
with urllib.request.urlopen(sys.argv[1], timeout=60) as source, open(sys.argv[2], "wb") as target:
    shutil.copyfileobj(source, target)' "$1" "$2"
  else die "the machine has neither curl, wget nor python3 to fetch with: export without --artifacts"; fi
}

# NAME SHA256: the network of a first boot may come late, and what came must be what was meant.
fetch() {
  file=$work/$2
  [ ! -e "$file" ] || return 0
  if [ -z "$address" ]; then section "artifact-$2" > "$file.part"
  else
    pause=1
    until download "$address/$1" "$file.part"; do
      [ $pause -lt 60 ] || die "$address/$1 cannot be fetched"
      say "$address/$1 cannot be fetched; trying again in $pause s"
      sleep $pause
      pause=$((pause * 2))
    done
  fi
  set -- "$1" "$2" $(sha256sum "$file.part")
  [ "$2" = "$3" ] || die "$1 has sha256 $3, and must have $2"
  mv "$file.part" "$file"
}
artifact() { cat "$work/$1"; }

# What the executor says, for people who read the console.
tell() {
  while IFS='	' read -r kind first second third fourth fifth; do
    case $kind in
      begin) say "$first" ;;
      waiting | turn | locked) say "$kind: $(printf %s "$first" | base64 -d)" ;;
      fail)
        say "failed: $first, exit code $second: $(printf %s "$fourth" | base64 -d)"
        printf %s "$fifth" | base64 -d | tail -n 20 ;;
    esac
  done
}

carry_out() {
  section executor | gzip -dc > "$work/executor" || die "the executor cannot be read"
  feed | sh "$work/executor" | tee "$work/events" | tell
  generation=$(sed -n 's/^generation	//p' "$work/events" | tail -n 1)
  [ -z "$generation" ] || generation=$state/generations/$(printf %06d "$generation")
  grep -q '^end$' "$work/events" || die "a step failed; what was done stays, and berth apply goes on from there"
}

# SECONDS COMMAND...: until it succeeds.
within() {
  left=$1
  shift
  until "$@"; do
    [ "$left" -gt 0 ] || return 1
    left=$((left - 1))
    sleep 1
  done
}

is_ready() {
  conditions=$("$crictl" info -o go-template --template '{{range .status.conditions}}{{.type}}={{.status}} {{end}}' 2>&1)
  case $conditions in *RuntimeReady=true*) case $conditions in *NetworkReady=true*) return 0 ;; esac ;; esac
  return 1
}

prove() {
  for unit in $units; do
    systemctl is-active --quiet "$unit" || die "$unit does not run: journalctl -u $unit"
    systemctl is-enabled --quiet "$unit" || die "$unit will not start at the next boot"
  done
  case $("$crictl" --version 2>&1) in
    *"$crictl_version"*) ;;
    *) die "crictl is not version $crictl_version" ;;
  esac
  within 30 is_ready || die "the runtime is not ready: $conditions"
  [ -z "$image" ] || prove_pod
}

# The life of a pod, from pull to removal.
prove_pod() {
  pod='{"metadata":{"name":"berth-first-boot","namespace":"berth-verify","uid":"berth-first-boot","attempt":0},"linux":{}}'
  printf '%s\n' "$pod" > "$work/pod.json"
  printf '{"metadata":{"name":"redis","attempt":0},"image":{"image":"%s"},"command":["redis-server"],"args":["--protected-mode","no","--save",""],"linux":{}}\n' "$image" > "$work/container.json"
  within 60 "$crictl" pull "$image" > /dev/null 2>&1 || die "$image cannot be pulled"
  pod=$("$crictl" runp "$work/pod.json") || die "no pod starts"
  trap '"$crictl" rmp -f "$pod" > /dev/null 2>&1' EXIT
  container=$("$crictl" create "$pod" "$work/container.json" "$work/pod.json") && "$crictl" start "$container" > /dev/null || die "no container starts"
  within 20 answers || die "redis in the pod does not answer"
  "$crictl" stop "$container" > /dev/null && "$crictl" rm "$container" > /dev/null && "$crictl" stopp "$pod" > /dev/null && "$crictl" rmp "$pod" > /dev/null || die "the pod cannot be taken away"
  trap - EXIT
}
answers() { [ "$("$crictl" exec "$container" redis-cli ping 2>/dev/null)" = PONG ]; }

main() {
  require_system
  umask 077
  mkdir -p "$state"
  require_first
  rm -rf "$work"
  mkdir "$work" || die "$work cannot be made"
  measure
  fetch_all
  carry_out
  prove
  printf 'verified\tgreen\t%s\n' "$(date +%s)" >> "$generation/outcome"
  printf '%s\n' "$digest" > "$stamp"
  rm -rf "$work"
  say "this machine is a node now, and crictl has proven it"
}
