# What berth remembers of a host: how things were, and what each generation did. Part of executor.sh; state.ts says what
# lies where.

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
  tell_time
  printf '%s\t%s\t%s\n' "$1" "${2:--}" "$clock" >> "$generation/outcome"
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

# [EXPECTED [BYTES]]: the number of the newest generation that the caller knows of, and the length of its journal.
# Opens the next generation and finishes the bookkeeping of one that was cut off.
open_generation() {
  find_last
  if [ -n "${1:-}" ] && [ "$1" != "$last" ]; then
    detail="the newest generation is $last and no longer $1"
    fail moved
  fi
  if [ -n "${2:-}" ] && [ "$last" != 0 ]; then
    journal=$state/generations/$(printf '%06d' "$last")/journal
    if [ -r "$journal" ] && [ "$(stat -c %s "$journal")" != "$2" ]; then
      detail="generation $last was still at its last change"
      fail moved
    fi
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
  tell_time
  for d in "$state"/generations/*/; do
    d=${d%/}
    n=${d##*/}
    while [ "${n#0}" != "$n" ] && [ "$n" != 0 ]; do n=${n#0}; done
    [ "$n" -lt "$1" ] || [ "$n" -gt "$2" ] || printf 'rolled-back\t%s\t%s\n' "$((last + 1))" "$clock" >> "$d/outcome"
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
  tell_time
  printf 'end\t%s\n' "$clock" >> "$generation/journal"
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
