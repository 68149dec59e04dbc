# Carries out the steps of an apply. POSIX sh with coreutils or busybox.
#
# executor.ts puts the parameters before this text, and the functions of memory.sh, steps.sh, packages.sh, arm-guard.sh,
# heartbeat.sh, and lock-holder.sh of the facts:
#   state run       where berth keeps its memory on the host (state.ts says what lies there)
#   mode            apply, rollback: note how things were before; reset: does not
#   by              who applies, for the lock and the journal
#   about spec      what is said of this generation; the spec that the host follows after it, as base64
#   keep            generations that stay
#   patience        seconds to wait for the lock
#   grace           seconds that a guarded change has to be confirmed in
#   guard_text      guard.sh, as base64
#   silence         seconds without input after which nobody is there any more
#
# Standard input: one command a line, encoded for printf %b; the bytes of a file follow their `put`.
# Standard output: one event a line, fields separated by tabs; what a command printed is base64.
# The shell that reads holds the lock: it goes when the connection goes, after the command at work.

tab=$(printf '\t')
say() { printf '%s\n' "$*"; }

# Sets `clock` to the seconds since 1970, as the clock said when we began: date would be started some hundred times.
tell_time() {
  IFS=. read -r clock fraction < /proc/uptime
  clock=$((booted + clock))
}
b64() { base64 | tr -d '\n'; }

# REASON [CODE [FILE]]: the apply ends here. The caller said in `detail` what it was about. FILE is what the command
# printed; without one, what this change has written to standard error tells why.
fail() {
  output=$(tail -c 65536 "${3:-$errors}" 2>/dev/null | b64)
  if [ -n "$generation" ]; then
    tell_time
    printf 'fail\t%s\t%s\n' "$change" "$clock" >> "$generation/journal"
    outcome fail
  fi
  fire_guard
  say "fail$tab$1$tab${2:-1}$tab$step$tab$(printf %s "$detail" | b64)$tab$output"
  exit 1
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

stale() { mkdir -p "$run/stale" && : > "$run/stale/$1"; }
fresh() { rm -f "$run/stale/$1"; }

# UNIT: it runs with something that this generation changed.
disturb() { record disturbed "$1"; }

# ID [SECONDS]: the change is guarded, and takes at most that long itself.
begin() {
  stop_if_asked
  printf '' > "$errors"
  change=$1
  detail=$1
  guard_fired && fail guard
  [ -z "${2:-}" ] || guard "$2"
  tell_time
  printf 'begin\t%s\t%s\n' "$1" "$clock" >> "$generation/journal" || full "$state" 4096
  say "begin$tab$1"
}

finish() {
  [ -z "$armed" ] || set_deadline 0
  tell_time
  printf 'done\t%s\t%s\n' "$change" "$clock" >> "$generation/journal" || full "$state" 4096
  say "done$tab$change"
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
errors=/dev/null
guard=$state/guard
mkdir -p "$state/objects" "$state/generations" || full "${state%/*}" 4096
# A shell ends at once when exec fails.
(: >> "$state/lock") 2>/dev/null || full "$state" 4096
exec 9<> "$state/lock"
take_lock
booted=0
tell_time
booted=$(($(date +%s) - clock))
printf '%s\tsince %s\tas process %s there\n' "$by" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" $$ > "$state/lock" || full "$state" 4096
umask 022
mkdir -p "$run"
rm -f "$run/stop" "$run/awaits"
errors=$run/errors
(: > "$errors") 2>/dev/null && exec 2>> "$errors"
# However this ends: what an installation brought before it failed or was cut off is berth's.
trap 'end_watch; note_new_packages; unstage' EXIT
trap 'exit 3' TERM
start_watch
say ready

while await_input && IFS= read -r command; do
  had_input
  eval "$(printf %b "$command")"
done
exit 3
