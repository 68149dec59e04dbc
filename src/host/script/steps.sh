# The steps of an apply. Part of executor.sh.

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
  df -P -k "$e" 2>/dev/null | while read -r f t u a c m; do [ "$a" -ge 0 ] 2>/dev/null && echo $((a * 1024)); done
}

# FOLDER BYTES: a write there failed; says so, with the reason when it is a lack of space.
full() {
  rm -f "$temporary" 2>/dev/null
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

# PATH: readies the folder, and names the temporary file beside it, which is not there; a directory in the way is not
# replaced.
prepare() {
  [ -d "$1" ] && [ ! -L "$1" ] && fail is-a-directory
  note_file "$1"
  make_folder "${1%/*}"
  temporary=${1%/*}/.${1##*/}.berth-new
  printf '%s\n' "$temporary" > "$state/temporary"
  if [ -e "$temporary" ] || [ -L "$temporary" ]; then rm -f "$temporary"; fi
}

# PATH MODE OWNER SHA256 BYTES: the temporary file, finished and whole, takes its place.
settle() {
  chmod "$2" "$temporary" && chown "$3" "$temporary" || full "${1%/*}" "$5"
  make_durable "$temporary"
  mv -fT "$temporary" "$1" || full "${1%/*}" "$5"
  printf '%s\t%s\n' "$1" "$4" >> "$state/applied"
  [ "$5" -le 65536 ] || note_digest "$1" "$4"
}

# PATH: what is taken away, with all below it, is nothing that we wrote any more. Told before it goes: a run that is cut off
# in between still finds it.
forget_written() {
  [ -s "$state/applied" ] || return 0
  while IFS=$tab read -r p s; do
    case $p in "$1" | "$1"/*) ;; *) printf '%s\t%s\n' "$p" "$s" ;; esac
  done < "$state/applied" > "$state/applied.new" && mv -f "$state/applied.new" "$state/applied"
}

# PATH SHA256: spares the next probe the reading of a large file.
note_digest() {
  printf '%s %s %s\n' "$2" "$(stat -c '%s,%i,%y,%z' "$1" | tr ' ' _)" "$1" > "$state/digests.new"
  [ -r "$state/digests" ] && while read -r line; do
    case $line in *" $1") ;; *) printf '%s\n' "$line" >> "$state/digests.new" ;; esac
  done < "$state/digests"
  mv -f "$state/digests.new" "$state/digests"
}

# PROGRAM SENT SHA256 BYTES: unpacks that much of our input into the temporary file. The digest is of what was sent, which
# is a third of what it becomes; gzip and zstd keep sums of that in it (RFC 1952 section 2.3.1, RFC 8878 section 3.1.1).
unpack() {
  set -- "$@" $({
    # The Korn shells give a program no descriptor beyond 2 unless asked. Where the signal is ignored, as it is by us, tee
    # would read on when nobody unpacks any more.
    { take "$2" | (trap - PIPE; exec tee /proc/self/fd/3 3>&3) | "$1" -dc > "$temporary" && echo whole >&4; } 3>&1 2>/dev/null | sha256sum
  } 4>&1)
  [ "$5 $6" = "whole $3" ] && [ "$(stat -c %s "$temporary")" = "$4" ]
}

# PATH MODE BYTES SHA256 ENCODING SENT [SENT_SHA256]
put() {
  detail=$1
  prepare "$1"
  # It may be a secret: nobody else reads it before it has the mode that it is to have.
  (umask 077 && : > "$temporary") || full "${1%/*}" "$3"
  await_input "$temporary"
  if [ "$5" = plain ]; then take "$6" > "$temporary" && [ "$(sha "$temporary")" = "$4" ]
  else unpack "$5" "$6" "$7" "$3"; fi || full "${1%/*}" "$3"
  had_input
  settle "$1" "$2" 0:0 "$4" "$3"
}

# PATH BYTES SHA256: bytes that only the steps after this one need. Nothing notes them: they go when we do.
stage() {
  detail=$1
  temporary=$1
  await_input "$temporary"
  (umask 077 && mkdir -p "${temporary%/*}" && : > "$temporary") && take "$2" > "$temporary" || full "$state" "$2"
  had_input
  [ "$(sha "$temporary")" = "$3" ] || full "$state" "$2"
  temporary=
}

unstage() { rm -rf "$state/staging"; }

# FROM PATH MODE OWNER SHA256: a second name for the same bytes where the file system can, else a copy.
copy() {
  detail=$2
  prepare "$2"
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
  [ "$(sha "$temporary")" = "$5" ] || full "${2%/*}" "$size"
  settle "$2" "$3" "$4" "$5" "$size"
  # A second name changed the status of the first one too.
  [ "$size" -le 65536 ] || [ "$4" != 0:0 ] || note_digest "$1" "$5"
}

# PATH TARGET
link() {
  detail=$1
  prepare "$1"
  make_durable
  forget_written "$1"
  ln -s "$2" "$temporary" && mv -fT "$temporary" "$1" || full "${1%/*}" 4096
}

# PATH: a folder or socket that is wholly berth's. What is still mounted inside goes first, the deepest before its parents:
# nothing below a mount is ever deleted.
remove_tree() {
  make_durable
  forget_written "$1"
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
    forget_written "$1"
    rm -f "$1" || fail delete
  fi
}

# FILES...: waits until nobody else holds a lock or the deadline of the step has passed.
await_locks() {
  while holder=$(lock_holder "$@"); do
    stop_if_asked
    tell_time
    [ "$clock" -lt "$until" ] || { detail=$holder; fail package-lock; }
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
  tell_time
  until=$((clock + seconds))
  announced=
  make_durable
  while :; do
    await_locks $locks
    say "run$tab$step"
    tell_time
    began=$clock
    timeout -k 10 "$seconds" "$@" < /dev/null > "$output" 2>&1 9>&-
    code=$?
    [ $code -eq 0 ] && return 0
    # Lost the race for the lock: the other one came between our look and our start.
    tell_time
    [ -n "$locks" ] && [ "$clock" -lt "$until" ] && lock_holder $locks > /dev/null || break
  done
  # timeout says 124, or 137 when it had to insist; busybox's says 143.
  case $code in
    124 | 137 | 143) [ $((clock - began)) -lt "$seconds" ] || fail deadline $code "$output" ;;
  esac
  [ "$(free_bytes /var)" -lt 1048576 ] && fail disk-full $code "$output"
  fail command $code "$output"
}
