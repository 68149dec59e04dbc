# Runs steps and reports each as one line, a frame, on standard output:
#   frame TAB id TAB exit-status TAB begin-ns TAB end-ns TAB base64(stdout) TAB base64(stderr)
# POSIX sh, coreutils or busybox.
work=$(mktemp -d /run/berth-verify.XXXXXX) || exit 70

child= watcher=
stop() {
  trap '' HUP INT TERM PIPE
  [ -z "$watcher" ] || kill "$watcher" 2>/dev/null
  [ -z "$child" ] || kill "$child" 2>/dev/null
}
# What a run must take away; walk-through.sh says what.
take_away() { :; }
finish() {
  stop
  take_away
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 70' HUP INT TERM PIPE

case $(date +%N) in
  [0-9]*) now() { date +%s%N; } ;;
  # busybox may know no nanoseconds; the uptime has hundredths of a second.
  *) now() { IFS=' .' read -r seconds hundredths rest </proc/uptime; echo "$seconds${hundredths}0000000"; } ;;
esac

# Enough for any honest answer, and a bound for the others.
encoded() { head -c 65536 "$1" | base64 | tr -d '\n'; }

# frame ID BEGIN: reports what is in $work/out and $work/err under $status.
frame() {
  end=$(now)
  printf 'frame\t%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$status" "$2" "$end" "$(encoded "$work/out")" "$(encoded "$work/err")"
}

# step ID SECONDS COMMAND…: runs a command within a deadline, and within 4 MiB of output. It runs beside the shell,
# which a signal can then interrupt.
step() {
  id=$1 limit=$2
  shift 2
  begin=$(now)
  (ulimit -f 8192; exec timeout "$limit" "$@") </dev/null >"$work/out" 2>"$work/err" &
  child=$!
  wait "$child"
  status=$?
  child=
  frame "$id" "$begin"
}

# repeat SECONDS COMMAND…: runs the function again and again until it succeeds; its last answer stays in $work. The
# function may say that waiting is of no use by setting hopeless.
repeat() {
  until=$(($(date +%s) + $1))
  shift
  begin=$(now)
  hopeless=
  until "$@" </dev/null >"$work/out" 2>"$work/err"; do
    status=$?
    # 127: there is no such program, and waiting will not bring it.
    [ -z "$hopeless" ] && [ "$status" != 127 ] && [ "$(date +%s)" -lt "$until" ] || return 0
    sleep 0.25 2>/dev/null || sleep 1
  done
  status=0
}

# not_run ID WHY: reports a step that would mean nothing, under an exit status of its own; verdict.ts knows it.
not_run() {
  : >"$work/out"
  echo "not run: $2" >"$work/err"
  status=77
  frame "$1" "$(now)"
}

cri() { timeout 30 crictl --timeout 30s "$@"; }
