# Carries out the steps of an apply. POSIX sh with coreutils or busybox.
#
# stream.ts puts the parameters before this text:
#   state run       where berth keeps its memory on the host (state.ts says what lies there)
#   mode            apply: notes how things were before; reset: does not
#   by              who applies, for the lock and the journal
#
# Standard input: one command a line, encoded for printf %b; the bytes of a file follow their `put`.
# Standard output: one event a line, fields separated by tabs; what a command printed is base64.
# The shell that reads holds the lock: it goes when the connection goes, after the command at work.

tab=$(printf '\t')
say() { printf '%s\n' "$*"; }
b64() { base64 | tr -d '\n'; }

# REASON [CODE [FILE]]: the apply ends here. The caller said in `detail` what it was about.
fail() {
  [ -n "$generation" ] && printf 'fail\t%s\t%s\n' "$change" "$(date +%s)" >> "$generation/journal"
  output=
  [ -n "${3:-}" ] && output=$(tail -c 65536 "$3" 2>/dev/null | b64)
  say "fail$tab$1$tab${2:-1}$tab$step$tab$(printf %s "$detail" | b64)$tab$output"
  exit 1
}

sync_file() { sync "$1" 2>/dev/null || sync; }

# KIND NAME [STATE...]: notes how NAME was, in this generation and, at the first touch ever, for reset.
note() {
  [ "$mode" = apply ] || return 0
  line=$1
  key=$1$tab$2$tab
  shift
  for field in "$@"; do line=$line$tab$field; done
  printf '%s\n' "$line" >> "$generation/before" || full "$state" 4096
  [ -r "$state/origin" ] && while IFS= read -r known; do
    case "$known$tab" in "$key"*) return 0 ;; esac
  done < "$state/origin"
  printf '%s\n' "$line" >> "$state/origin" || full "$state" 4096
}

sha() {
  set -- $(sha256sum "$1")
  printf %s "$1"
}

# PATH: keeps what lies there.
note_file() {
  [ "$mode" = apply ] || return 0
  if [ -L "$1" ]; then
    note file "$1" link "$(readlink "$1")"
  elif [ -f "$1" ]; then
    kept=$(sha "$1")
    if [ ! -f "$state/objects/$kept" ]; then
      cp "$1" "$state/objects/.new" && mv -f "$state/objects/.new" "$state/objects/$kept" || full "$state" 65536
    fi
    note file "$1" file "$kept" $(stat -c '%a %u:%g' "$1")
  else
    note file "$1" absent
  fi
}

# FOLDER: makes it and its parents, noting those that were not there.
make_folder() {
  [ -d "$1" ] && return 0
  case $1 in */*) [ -n "${1%/*}" ] && make_folder "${1%/*}" ;; esac
  note folder "$1"
  mkdir "$1" || full "${1%/*}" 4096
}

free_bytes() {
  e=$1
  while [ ! -d "$e" ]; do e=${e%/*}; [ -n "$e" ] || e=/; done
  df -P -k "$e" | while read -r f t u a c m; do [ "$a" -ge 0 ] 2>/dev/null && echo $((a * 1024)); done
}

# FOLDER BYTES: a write there failed; says so, with the reason when it is a lack of space.
full() {
  rm -f "$temporary"
  [ "$(free_bytes "$1")" -lt "$2" ] && fail disk-full
  fail write
}

# FOLDER BYTES: refuses the whole apply before its first step when there is not enough space.
need() {
  detail="$1 needs $2 bytes, $(free_bytes "$1") are free"
  [ "$(free_bytes "$1")" -ge "$2" ] || fail disk-full
}

# BYTES: passes exactly that much of our input on. dd never takes more than it was told.
take() {
  [ "$1" -ge 65536 ] && dd bs=65536 count=$(($1 / 65536)) iflag=fullblock 2>/dev/null
  [ $(($1 % 65536)) -eq 0 ] || dd bs=$(($1 % 65536)) count=1 iflag=fullblock 2>/dev/null
}

# PATH: readies the folder and the temporary file beside it; a directory in the way is not replaced.
prepare() {
  [ -d "$1" ] && [ ! -L "$1" ] && fail is-a-directory
  note_file "$1"
  make_folder "${1%/*}"
  temporary=${1%/*}/.${1##*/}.berth-new
  printf '%s\n' "$temporary" > "$state/temporary"
}

# PATH MODE OWNER SHA256 BYTES: the finished temporary file takes its place.
settle() {
  [ "$(sha "$temporary")" = "$4" ] || full "${1%/*}" "$5"
  chmod "$2" "$temporary" && chown "$3" "$temporary" || full "${1%/*}" "$5"
  sync_file "$temporary"
  mv -fT "$temporary" "$1" || full "${1%/*}" "$5"
  printf '%s\t%s\n' "$1" "$4" >> "$state/applied"
  [ "$5" -le 65536 ] || note_digest "$1" "$4"
}

# PATH SHA256: spares the next probe the reading of a large file.
note_digest() {
  printf '%s %s %s\n' "$2" "$(stat -c '%s,%i,%y,%z' "$1" | tr ' ' _)" "$1" > "$state/digests.new"
  [ -r "$state/digests" ] && while read -r line; do
    case $line in *" $1") ;; *) printf '%s\n' "$line" >> "$state/digests.new" ;; esac
  done < "$state/digests"
  mv -f "$state/digests.new" "$state/digests"
}

# PATH MODE BYTES SHA256 ENCODING SENT
put() {
  detail=$1
  prepare "$1"
  if [ "$5" = gzip ]; then take "$6" | gzip -dc > "$temporary" 2>/dev/null
  else take "$6" > "$temporary"; fi || full "${1%/*}" "$3"
  settle "$1" "$2" 0:0 "$4" "$3"
}

# FROM PATH MODE OWNER SHA256: a second name for the same bytes where the file system can, else a copy.
copy() {
  detail=$2
  prepare "$2"
  rm -f "$temporary"
  size=$(stat -c %s "$1")
  if [ "$4" != 0:0 ] || ! ln "$1" "$temporary" 2>/dev/null; then
    cp "$1" "$temporary" || full "${2%/*}" "$size"
  fi
  settle "$2" "$3" "$4" "$5" "$size"
  # A second name changed the status of the first one too.
  [ "$size" -le 65536 ] || [ "$4" != 0:0 ] || note_digest "$1" "$5"
}

# PATH TARGET
link() {
  detail=$1
  prepare "$1"
  rm -f "$temporary"
  ln -s "$2" "$temporary" && mv -fT "$temporary" "$1" || full "${1%/*}" 4096
}

# PATH: a folder or socket that is wholly berth's. What is still mounted inside goes first, the deepest before its parents:
# nothing below a mount is ever deleted.
remove_tree() {
  if [ ! -d "$1" ]; then
    rm -f "$1" || fail delete
    return 0
  fi
  mounts=
  all=$(cat /proc/self/mounts)
  while read -r d m rest; do
    case $m in "$1"/*) mounts="$m $mounts" ;; esac
  done << END
$all
END
  for m in $mounts; do
    detail="$m is mounted"
    umount "$m" || fail busy
  done
  detail=$1
  find "$1" -mindepth 1 -delete || fail delete
  # A folder that is itself a mount point stays, empty.
  rmdir "$1" 2>/dev/null || true
}

# PATH [recursive]
remove() {
  detail=$1
  if [ -n "${2:-}" ]; then
    remove_tree "$1"
  elif [ -d "$1" ] && [ ! -L "$1" ]; then
    # A folder that holds something of others stays.
    rmdir "$1" 2>/dev/null || true
  else
    note_file "$1"
    rm -f "$1" || fail delete
  fi
}

# FILES...: pid and command of another process that holds the lock on one of them.
lock_holder() {
  # Read at once: the kernel makes the list anew for each piece, and lines are lost between pieces.
  locks_now=$(cat /proc/locks)
  for f in "$@"; do
    # Not locked while it counts: it holds the number of a process.
    case $f in *.pid) ;; *) continue ;; esac
    pid=
    [ -s "$f" ] && read -r pid < "$f"
    [ -n "$pid" ] && [ -d "/proc/$pid" ] || continue
    printf 'pid %s (%s)' "$pid" "$(tr '\0' ' ' < "/proc/$pid/cmdline")"
    return 0
  done
  while read -r n a k w pid rest; do
    [ "$a" = '->' ] && continue
    for f in "$@"; do
      ls -l "/proc/$pid/fd" 2>/dev/null | grep -q -- "-> $f\$" || continue
      printf 'pid %s (%s)' "$pid" "$(tr '\0' ' ' < "/proc/$pid/cmdline")"
      return 0
    done
  done << END
$locks_now
END
  return 1
}

# Nothing has been done yet, or nothing of the next change: the right moment to leave.
stop_if_asked() {
  [ ! -e "$run/stop" ] || { say stopped; exit 0; }
}

# FILES...: waits until nobody else holds a lock or the deadline of the step has passed.
await_locks() {
  while holder=$(lock_holder "$@"); do
    stop_if_asked
    [ "$(date +%s)" -lt "$until" ] || { detail=$holder; fail package-lock; }
    [ "$holder" = "$announced" ] || say "waiting$tab$(printf %s "$holder" | b64)"
    announced=$holder
    sleep 1
  done
}

# SECONDS LOCKS COMMAND...: LOCKS are files separated by blanks. Its output is kept beside the journal.
perform() {
  seconds=$1
  locks=$2
  shift 2
  detail=$*
  number=$((number + 1))
  output=$generation/output/$number
  until=$(($(date +%s) + seconds))
  announced=
  while :; do
    await_locks $locks
    timeout -k 10 "$seconds" "$@" < /dev/null > "$output" 2>&1 9>&-
    code=$?
    [ $code -eq 0 ] && return 0
    # Lost the race for the lock: the other one came between our look and our start.
    [ -n "$locks" ] && [ "$(date +%s)" -lt "$until" ] && lock_holder $locks > /dev/null || break
  done
  [ $code -eq 124 ] && fail deadline $code "$output"
  [ "$(free_bytes /var)" -lt 1048576 ] && fail disk-full $code "$output"
  fail command $code "$output"
}

installed_packages() {
  if command -v dpkg-query > /dev/null 2>&1; then
    dpkg-query -W -f '${Status} ${Package}\n' | while read -r w e s p; do [ "$s" = installed ] && echo "$p"; done
  else rpm -qa --qf '%{NAME}\n'; fi | sort -u
}

# Everything that is installed now and was not in the list made before: berth brought it.
note_new_packages() {
  [ -n "$generation" ] && [ -r "$state/packages-before" ] || return 0
  installed_packages > "$state/packages-now"
  while read -r p; do
    grep -qxF -- "$p" "$state/packages-before" || note package "$p"
  done < "$state/packages-now"
  rm -f "$state/packages-before" "$state/packages-now"
}

packages_will_change() {
  installed_packages > "$state/packages-before.new" && mv -f "$state/packages-before.new" "$state/packages-before"
}

stale() { mkdir -p "$run/stale" && : > "$run/stale/$1"; }
fresh() { rm -f "$run/stale/$1"; }

# ID
begin() {
  stop_if_asked
  change=$1
  detail=$1
  printf 'begin\t%s\t%s\n' "$1" "$(date +%s)" >> "$generation/journal" || full "$state" 4096
  say "begin$tab$1"
}

finish() {
  printf 'done\t%s\t%s\n' "$change" "$(date +%s)" >> "$generation/journal" || full "$state" 4096
  say "done$tab$change"
}

# Opens the next generation and finishes the bookkeeping of one that was cut off.
open_generation() {
  last=0
  for d in "$state"/generations/*/; do
    [ -d "$d" ] || continue
    d=${d%/}
    last=${d##*/}
  done
  while [ "${last#0}" != "$last" ] && [ "$last" != 0 ]; do last=${last#0}; done
  generation=$state/generations/$(printf '%06d' $((last + 1)))
  mkdir -p "$generation/output" || full "$state" 4096
  printf '%s\t%s\n' "$by" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" > "$generation/by" || full "$state" 4096
  : > "$generation/journal"
  : > "$generation/before"
  if [ -s "$state/temporary" ]; then
    while IFS= read -r leftover; do rm -f "$leftover"; done < "$state/temporary"
    rm -f "$state/temporary"
  fi
  note_new_packages
}

end_generation() {
  rm -f "$state/temporary"
  printf 'end\t%s\n' "$(date +%s)" >> "$generation/journal"
  sync_file "$generation/journal"
  say end
}

# Takes berth's memory away, as the last act of a reset.
forget() {
  rm -rf "$state" "$run"
  generation=
  say end
  exit 0
}

# A reader that went away must not end us in the middle of a step: the next read finds the end of input.
trap '' PIPE HUP
generation=
change=
detail=$state
temporary=
number=0
step=0
umask 077
mkdir -p "$state/objects" "$state/generations" || full "${state%/*}" 4096
exec 9<> "$state/lock" || full "$state" 4096
if ! flock -n 9; then
  say "locked$tab$(b64 < "$state/lock")"
  exit 1
fi
printf '%s\tsince %s\n' "$by" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" > "$state/lock" || full "$state" 4096
umask 022
mkdir -p "$run"
rm -f "$run/stop"
# However this ends: what an installation brought before it failed or was cut off is berth's.
trap note_new_packages EXIT
say ready

while IFS= read -r command; do
  eval "$(printf %b "$command")"
done
exit 3
