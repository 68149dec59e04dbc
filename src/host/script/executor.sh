# Carries out the steps of an apply. POSIX sh with coreutils or busybox.
#
# executor.ts puts the parameters before this text:
#   state run       where berth keeps its memory on the host (state.ts says what lies there)
#   mode            apply, rollback: note how things were before; reset: does not
#   by              who applies, for the lock and the journal
#   about spec      what is said of this generation; the spec that the host follows after it, as base64
#   keep            generations that stay
#   patience        seconds to wait for the lock
#   grace           seconds that a guarded change has to be confirmed in
#   guard_text      guard.sh, as base64
#
# Standard input: one command a line, encoded for printf %b; the bytes of a file follow their `put`.
# Standard output: one event a line, fields separated by tabs; what a command printed is base64.
# The shell that reads holds the lock: it goes when the connection goes, after the command at work.

tab=$(printf '\t')
say() { printf '%s\n' "$*"; }
b64() { base64 | tr -d '\n'; }

# REASON [CODE [FILE]]: the apply ends here. The caller said in `detail` what it was about.
fail() {
  if [ -n "$generation" ]; then
    printf 'fail\t%s\t%s\n' "$change" "$(date +%s)" >> "$generation/journal"
    outcome fail
  fi
  fire_guard
  output=
  [ -n "${3:-}" ] && output=$(tail -c 65536 "$3" 2>/dev/null | b64)
  say "fail$tab$1$tab${2:-1}$tab$step$tab$(printf %s "$detail" | b64)$tab$output"
  exit 1
}

sync_file() { sync "$@" 2>/dev/null || sync; }

# FILES...: they have reached the disk, and before them what was noted of how things were: when the power goes, neither
# that nor the way back is lost. Comes before each change.
make_durable() {
  set -- $unsynced "$@"
  [ $# -eq 0 ] || sync_file "$@"
  unsynced=
}

# WORD [MORE]: what became of this generation.
outcome() {
  printf '%s\t%s\t%s\n' "$1" "${2:--}" "$(date +%s)" >> "$generation/outcome"
}

# FIELDS...: for the way back from this generation alone.
record() {
  [ "$mode" != reset ] || return 0
  line=$1
  shift
  for field in "$@"; do line=$line$tab$field; done
  printf '%s\n' "$line" >> "$generation/before" || full "$state" 4096
  unsynced="$unsynced $generation/before"
}

# KIND NAME [STATE...]: notes how NAME was, in this generation and, at the first touch ever, for reset.
note() {
  [ "$mode" != reset ] || return 0
  record "$@"
  key=$1$tab$2$tab
  [ -r "$state/origin" ] && while IFS= read -r known; do
    case "$known$tab" in "$key"*) return 0 ;; esac
  done < "$state/origin"
  printf '%s\n' "$line" >> "$state/origin" || full "$state" 4096
  unsynced="$unsynced $state/origin"
}

sha() {
  set -- $(sha256sum "$1")
  printf %s "$1"
}

# DIGEST: it is kept, and whole: a second name is changed with the first, and a file of before a power cut may be empty.
is_kept() { [ -f "$state/objects/$1" ] && [ "$(sha "$state/objects/$1")" = "$1" ]; }

# PATH: keeps what lies there. Large files get a second name where the file system can give one.
note_file() {
  [ "$mode" != reset ] || return 0
  if [ -L "$1" ]; then
    note file "$1" link "$(readlink "$1")"
  elif [ -f "$1" ]; then
    kept=$(sha "$1")
    if ! is_kept "$kept"; then
      rm -f "$state/objects/.new"
      bytes=$(stat -c %s "$1")
      [ "$bytes" -gt 65536 ] && ln "$1" "$state/objects/.new" 2>/dev/null || cp "$1" "$state/objects/.new" || full "$state" "$bytes"
      mv -f "$state/objects/.new" "$state/objects/$kept" || full "$state" "$bytes"
      unsynced="$unsynced $state/objects/$kept"
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
  make_durable "$temporary"
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
  # It may be a secret: nobody else reads it before it has the mode that it is to have.
  rm -f "$temporary"
  (umask 077 && : > "$temporary") || full "${1%/*}" "$3"
  if [ "$5" = gzip ]; then take "$6" | gzip -dc > "$temporary" 2>/dev/null
  else take "$6" > "$temporary"; fi || full "${1%/*}" "$3"
  settle "$1" "$2" 0:0 "$4" "$3"
}

# PATH BYTES SHA256: bytes that only the steps after this one need. Nothing notes them: they go when we do.
stage() {
  detail=$1
  temporary=$1
  (umask 077 && mkdir -p "${temporary%/*}") && take "$2" > "$temporary" || full "$state" "$2"
  [ "$(sha "$temporary")" = "$3" ] || full "$state" "$2"
  temporary=
}

unstage() { rm -rf "$state/staging"; }

# FROM PATH MODE OWNER SHA256: a second name for the same bytes where the file system can, else a copy.
copy() {
  detail=$2
  prepare "$2"
  rm -f "$temporary"
  size=$(stat -c %s "$1")
  # Both names are those of one file, as when a run that was cut off did it already: mv would refuse.
  if [ "$(stat -c %d:%i "$1")" = "$(stat -c %d:%i "$2" 2>/dev/null)" ]; then
    make_durable
    [ "$(sha "$2")" = "$5" ] && chmod "$3" "$2" && chown "$4" "$2" || full "${2%/*}" "$size"
    [ "$size" -le 65536 ] || note_digest "$2" "$5"
    return 0
  fi
  # What people edit in place must not share its bytes with what we keep.
  if [ "$4" != 0:0 ] || [ "$size" -le 65536 ] || ! ln "$1" "$temporary" 2>/dev/null; then
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
  make_durable
  ln -s "$2" "$temporary" && mv -fT "$temporary" "$1" || full "${1%/*}" 4096
}

# PATH: a folder or socket that is wholly berth's. What is still mounted inside goes first, the deepest before its parents:
# nothing below a mount is ever deleted.
remove_tree() {
  make_durable
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
  # The find of busybox may lack -delete.
  find "$1" -xdev -mindepth 1 ! -type d -exec rm -f {} + && find "$1" -xdev -mindepth 1 -depth -type d -exec rmdir {} + || fail delete
  # A folder that is itself a mount point stays, empty.
  rmdir "$1" 2>/dev/null || true
}

# PATH: keeps every file below it.
note_tree() {
  find "$1" -xdev ! -type d > "$state/tree" || fail write
  while IFS= read -r inside; do note_file "$inside"; done < "$state/tree"
  rm -f "$state/tree"
}

# PATH [recursive|kept]: a whole tree goes; one that is kept can be brought back.
remove() {
  detail=$1
  if [ -n "${2:-}" ]; then
    [ "$2" = kept ] && [ -d "$1" ] && note_tree "$1"
    remove_tree "$1"
  elif [ -d "$1" ] && [ ! -L "$1" ]; then
    # A folder that holds something of others stays.
    rmdir "$1" 2>/dev/null || true
  else
    note_file "$1"
    make_durable
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

# Nothing has been done yet, or nothing of the next change: the right moment to leave. Guarded changes that nobody
# has confirmed are undone.
stop_if_asked() {
  [ -e "$run/stop" ] || return 0
  [ -z "$generation" ] || outcome stopped
  fire_guard
  say stopped
  exit 0
}

# While we wait for a confirmation nobody looks for the wish to stop.
stop_now() {
  : > "$run/stop"
  stop_if_asked
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
  make_durable
  while :; do
    await_locks $locks
    began=$(date +%s)
    timeout -k 10 "$seconds" "$@" < /dev/null > "$output" 2>&1 9>&-
    code=$?
    [ $code -eq 0 ] && return 0
    # Lost the race for the lock: the other one came between our look and our start.
    [ -n "$locks" ] && [ "$(date +%s)" -lt "$until" ] && lock_holder $locks > /dev/null || break
  done
  # timeout says 124, or 137 when it had to insist; busybox's says 143.
  case $code in
    124 | 137 | 143) [ $(($(date +%s) - began)) -lt "$seconds" ] || fail deadline $code "$output" ;;
  esac
  [ "$(free_bytes /var)" -lt 1048576 ] && fail disk-full $code "$output"
  fail command $code "$output"
}

# Name and version of each, sorted as comm wants it.
installed_packages() {
  if command -v dpkg-query > /dev/null 2>&1; then
    dpkg-query -W -f '${Status} ${Package} ${Version}\n' | while read -r w e s p v; do
      [ "$s" = installed ] && printf '%s %s\n' "$p" "$v"
    done
  else rpm -qa --qf '%{NAME} %{VERSION}-%{RELEASE}\n'; fi | LC_ALL=C sort -u
}

# Everything that is installed now and was not before: berth brought it. What has another version now, or is gone, is
# noted for the way back.
note_new_packages() {
  [ -n "$generation" ] || return 0
  # Left by an earlier berth that noted names alone.
  rm -f "$state/packages-before"
  [ -r "$state/versions-before" ] || return 0
  installed_packages > "$state/versions-now"
  {
    LC_ALL=C comm -23 "$state/versions-before" "$state/versions-now" | while read -r p v; do echo "old $p $v"; done
    LC_ALL=C comm -13 "$state/versions-before" "$state/versions-now" | while read -r p v; do echo "new $p $v"; done
  } | LC_ALL=C sort -k 2,2 -k 1,1 > "$state/versions-changed"
  # The old line of a package comes right after its new one.
  p=
  while read -r age name version; do
    if [ "$age" = old ] && [ "$name" = "$p" ]; then
      record version "$name" "$version" "$v"
      p=
      continue
    fi
    [ -z "$p" ] || note_new "$p" "$v"
    p=
    if [ "$age" = new ]; then p=$name v=$version; else record version "$name" "$version" -; fi
  done < "$state/versions-changed"
  [ -z "$p" ] || note_new "$p" "$v"
  rm -f "$state/versions-before" "$state/versions-now" "$state/versions-changed"
}

# PACKAGE VERSION
note_new() {
  record version "$1" - "$2"
  note package "$1"
}

packages_will_change() {
  installed_packages > "$state/versions-before.new" && mv -f "$state/versions-before.new" "$state/versions-before"
}

stale() { mkdir -p "$run/stale" && : > "$run/stale/$1"; }
fresh() { rm -f "$run/stale/$1"; }

# UNIT: it runs with something that this generation changed.
disturb() { record disturbed "$1"; }

# ID [SECONDS]: the change is guarded, and takes at most that long itself.
begin() {
  stop_if_asked
  change=$1
  detail=$1
  guard_fired && fail guard
  [ -z "${2:-}" ] || guard "$2"
  printf 'begin\t%s\t%s\n' "$1" "$(date +%s)" >> "$generation/journal" || full "$state" 4096
  say "begin$tab$1"
}

finish() {
  [ -z "$armed" ] || set_deadline 0
  printf 'done\t%s\t%s\n' "$change" "$(date +%s)" >> "$generation/journal" || full "$state" 4096
  say "done$tab$change"
}

# Sets `last` to the number of the newest generation, 0 when there is none.
find_last() {
  last=0
  for d in "$state"/generations/*/; do
    [ -d "$d" ] || continue
    d=${d%/}
    last=${d##*/}
  done
  while [ "${last#0}" != "$last" ] && [ "$last" != 0 ]; do last=${last#0}; done
}

# EXPECTED: the number of the newest generation that the caller knows of, or nothing.
# Opens the next generation and finishes the bookkeeping of one that was cut off.
open_generation() {
  find_last
  if [ -n "${1:-}" ] && [ "$1" != "$last" ]; then
    detail="the newest generation is $last and no longer $1"
    fail moved
  fi
  # Whole or not at all: it has its number when all of it is there.
  new=$state/generations/.new
  rm -rf "$new"
  mkdir -p "$new/output" || full "$state" 4096
  printf '%s\t%s\n' "$by" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" > "$new/by" || full "$state" 4096
  printf '%s\n' "$about" > "$new/about" || full "$state" 4096
  (umask 077 && printf '%s\n' "$spec" > "$new/spec") || full "$state" 65536
  for f in journal before outcome; do
    (: > "$new/$f") || full "$state" 4096
  done
  mv "$new" "$state/generations/$(printf '%06d' $((last + 1)))" || full "$state" 4096
  generation=$state/generations/$(printf '%06d' $((last + 1)))
  if [ -s "$state/temporary" ]; then
    while IFS= read -r leftover; do rm -f "$leftover"; done < "$state/temporary"
    rm -f "$state/temporary"
  fi
  # Of an apply that was killed.
  unstage
  note_new_packages
  say "generation$tab$((last + 1))"
}

# FIRST LAST: a rollback has undone these.
mark_undone() {
  for d in "$state"/generations/*/; do
    d=${d%/}
    n=${d##*/}
    while [ "${n#0}" != "$n" ] && [ "$n" != 0 ]; do n=${n#0}; done
    [ "$n" -lt "$1" ] || [ "$n" -gt "$2" ] || printf 'rolled-back\t%s\t%s\n' "$((last + 1))" "$(date +%s)" >> "$d/outcome"
  done
}

# Old generations go: all but the last ones, and all back to the last one that was proven good, from which alone the way
# leads back there. So do contents that no generation and no origin names any more.
trim() {
  find_last
  proven=
  for d in "$state"/generations/*/; do
    grep -qs '^verified.green' "${d}outcome" && proven=${d%/}
  done
  gone=
  for d in "$state"/generations/*/; do
    d=${d%/}
    n=${d##*/}
    while [ "${n#0}" != "$n" ] && [ "$n" != 0 ]; do n=${n#0}; done
    [ $((last - n)) -ge "$keep" ] || break
    [ "$d" != "$proven" ] || break
    rm -rf "$d"
    gone=yes
  done
  [ -n "$gone" ] || return 0
  used=' '
  for f in "$state/origin" "$state"/generations/*/before; do
    [ -r "$f" ] || continue
    while IFS=$tab read -r k n b s rest; do
      [ "$k$b" = filefile ] && used="$used$s "
    done < "$f"
  done
  for f in "$state"/objects/*; do
    case $used in *" ${f##*/} "*) ;; *) rm -f "$f" ;; esac
  done
}

# Of what was written to a path only the last is worth to be known: what each apply adds would be sent by each probe.
trim_applied() {
  [ -s "$state/applied" ] || return 0
  known=$tab
  sed '1!G;h;$!d' "$state/applied" | while IFS=$tab read -r p s; do
    case $known in *"$tab$p$tab"*) continue ;; esac
    known=$known$p$tab
    printf '%s\t%s\n' "$p" "$s"
  done > "$state/applied.new" && mv -f "$state/applied.new" "$state/applied"
}

end_generation() {
  rm -f "$state/temporary"
  trim_applied
  printf 'end\t%s\n' "$(date +%s)" >> "$generation/journal"
  outcome end
  sync_file "$generation/journal"
  trim
  say end
}

# Takes berth's memory away, as the last act of a reset.
forget() {
  rm -rf "$state" "$run"
  generation=
  say end
  exit 0
}

# Guarded changes. A process of its own (guard.sh) puts back what they changed when its deadline passes. Who takes the
# file `armed` away first wins: a new connection that confirms, the guard that restores, or we when a change fails.

uptime_seconds() {
  read -r now rest < /proc/uptime
  now=${now%%.*}
}

# SECONDS beyond the time to confirm. The clock of the guard is the kernel's: nobody can set it.
set_deadline() {
  uptime_seconds
  printf '%s\n' "$((now + grace + $1))" > "$guard/deadline.new" && mv -f "$guard/deadline.new" "$guard/deadline"
}

# SECONDS
guard() {
  if [ -n "$armed" ]; then
    set_deadline "$1"
    return 0
  fi
  rm -rf "$guard"
  mkdir -p "$guard" || full "$state" 4096
  armed=$guard/armed
  printf '%s\n' "$generation" > "$guard/generation"
  printf '%s\n' "$$" > "$guard/executor"
  printf '%s' "$guard_text" | base64 -d > "$guard/guard.sh" || full "$state" 16384
  set_deadline "$1"
  : > "$armed"
  make_durable "$guard/generation" "$guard/guard.sh" "$armed"
  start_guard
  say armed
}

# Also at the next boot, before there is a network, should the host not live to see the deadline.
start_guard() {
  if [ -d /run/systemd/system ]; then
    sh "$guard/guard.sh" "$state" enlist
    systemd-run --quiet --collect --property=TimeoutStopSec=5 --unit="berth-guard-${generation##*/}-$(date +%s)" /bin/sh "$guard/guard.sh" "$state" watch 9>&- > /dev/null 2>&1 || detach_guard
  else detach_guard; fi
  tries=0
  until [ -e "$guard/watching" ]; do
    tries=$((tries + 1))
    if [ $tries -gt 100 ]; then
      rm -f "$armed"
      armed=
      detail='the guard of this change does not start'
      fail guard-start
    fi
    sleep 0.1 2>/dev/null || sleep 1
  done
}

detach_guard() {
  if command -v setsid > /dev/null 2>&1; then setsid sh "$guard/guard.sh" "$state" watch < /dev/null > /dev/null 2>&1 9>&- &
  else sh "$guard/guard.sh" "$state" watch < /dev/null > /dev/null 2>&1 9>&- & fi
}

# The guard did its work: whatever comes now must not go on from there.
guard_fired() { [ -n "$armed" ] && [ ! -e "$armed" ]; }

# Over a new connection somebody has taken `armed` away.
guard_confirmed() {
  [ -e "$guard/confirmed" ] || { detail=$change; fail guard; }
  armed=
  sh "$guard/guard.sh" "$state" dismiss
  say confirmed
}

# A guarded change failed or is not wanted any more: there is nothing to wait for.
fire_guard() {
  [ -n "$armed" ] || return 0
  mv "$armed" "$guard/firing" 2>/dev/null || return 0
  armed=
  sh "$guard/guard.sh" "$state" restore 9>&-
}

# Left by a run that is over. We came over a new connection: that is what an armed guard waits for. One that undoes its
# change keeps everybody out meanwhile; what it was kept from finishing is finished here.
settle_guard() {
  if mv "$guard/armed" "$guard/confirmed" 2>/dev/null; then
    sh "$guard/guard.sh" "$state" dismiss
  elif [ -e "$guard/firing" ]; then
    flock -n "$guard/lock" true || return 1
    sh "$guard/guard.sh" "$state" restore 9>&-
  fi
  return 0
}

# Takes the lock, or says who has it.
take_lock() {
  until=$(($(date +%s) + patience))
  announced=
  while :; do
    # The Korn shells give a program no descriptor beyond 2 unless asked.
    if ! flock -n 9 9<&9; then holder=$(cat "$state/lock")
    elif settle_guard; then return 0
    else holder=$(printf 'the guard that undoes an unconfirmed change, by %s' "$(cat "$state/lock")"); fi
    if [ "$(date +%s)" -ge "$until" ]; then
      say "locked$tab$(printf %s "$holder" | b64)"
      exit 1
    fi
    [ "$holder" = "$announced" ] || say "turn$tab$(printf %s "$holder" | b64)"
    announced=$holder
    sleep 1
  done
}

# A reader that went away must not end us in the middle of a step: the next read finds the end of input.
trap '' PIPE HUP
generation=
change=
detail=$state
temporary=
# Files that must reach the disk before the next change.
unsynced=
number=0
step=0
umask 077
armed=
guard=$state/guard
mkdir -p "$state/objects" "$state/generations" || full "${state%/*}" 4096
# A shell ends at once when exec fails.
(: >> "$state/lock") 2>/dev/null || full "$state" 4096
exec 9<> "$state/lock"
take_lock
printf '%s\tsince %s\tas process %s there\n' "$by" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" $$ > "$state/lock" || full "$state" 4096
umask 022
mkdir -p "$run"
rm -f "$run/stop"
# However this ends: what an installation brought before it failed or was cut off is berth's.
trap 'note_new_packages; unstage' EXIT
say ready

while IFS= read -r command; do
  eval "$(printf %b "$command")"
done
exit 3
