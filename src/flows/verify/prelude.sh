# Runs steps and reports each as one line, a frame, on standard output:
#   frame TAB id TAB exit-status TAB begin-ns TAB end-ns TAB base64(stdout) TAB base64(stderr)
# What is at work it tells on standard error, among the complaints of the shell, in lines so short that no other gets in:
#   at TAB id TAB command   what the step runs from now on
#   over TAB id             it is done, and its frame comes later, if at all
#   pull TAB id TAB json    how far the pull is, as berthd says
# POSIX sh, coreutils or busybox.
exec 4>&2
work=$(mktemp -d /run/berth-verify.XXXXXX) || exit 70
# Where the step at work keeps its output: $work itself, or the folder of a lane.
here=$work
# Who reports takes this line and puts it back: a frame is longer than what a pipe takes in one piece.
mkfifo "$work/turn" || { rm -rf "$work"; exit 70; }
exec 5<>"$work/turn"
echo >&5

child= watcher= teller= lanes= errands=
stop() {
  trap '' HUP INT TERM PIPE
  [ -z "$watcher" ] || kill "$watcher" 2>/dev/null
  [ -z "$teller" ] || kill "$teller" 2>/dev/null
  [ -z "$child" ] || kill "$child" 2>/dev/null
  for errand in $errands; do kill "$errand" 2>/dev/null; done
  # A lane ends its own step; what it leaves is taken away when it is over.
  for lane in $lanes; do kill "${lane#*=}" 2>/dev/null; done
  for lane in $lanes; do wait "${lane#*=}" 2>/dev/null; done
  for errand in $errands; do wait "$errand" 2>/dev/null; done
}
# What a run must take away; walk-through.sh says what.
take_away() { :; }
finish() {
  stop
  # Who was ended may have had the turn; nobody else is left to take it.
  echo >&5
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

# begins ID: what is told from now on belongs to this step.
checking=
begins() {
  over
  checking=$1
  begin=$(now)
}

# tell COMMAND…: what the step runs from now on, its first line.
newline='
'
tell() {
  [ "$checking" ] || return 0
  words=$*
  printf 'at\t%s\t%.2000s\n' "$checking" "${words%%"$newline"*}" >&4
}

over() {
  [ -z "$checking" ] || printf 'over\t%s\n' "$checking" >&4
  checking=
}

# frame ID BEGIN: reports what is in $here/out and $here/err under $status.
frame() {
  end=$(now)
  # That its step is over the frame says itself.
  [ "$checking" = "$1" ] || over
  checking=
  framed=$(printf 'frame\t%s\t%s\t%s\t%s\t%s\t%s' "$1" "$status" "$2" "$end" "$(encoded "$here/out")" "$(encoded "$here/err")")
  read -r turn <&5
  printf '%s\n' "$framed"
  echo >&5
}

# step ID SECONDS COMMAND…: runs a command within a deadline, and within 4 MiB of output. It runs beside the shell,
# which a signal can then interrupt.
step() {
  id=$1 limit=$2
  shift 2
  begins "$id"
  tell "$@"
  (ulimit -f 8192; exec timeout "$limit" "$@") </dev/null >"$here/out" 2>"$here/err" 4>&- &
  child=$!
  wait "$child"
  status=$?
  child=
  frame "$id" "$begin"
}

# repeat SECONDS COMMAND…: runs the function again and again until it succeeds; its last answer stays in $here. The
# function may say that waiting is of no use by setting hopeless.
repeat() {
  until=$(($(date +%s) + $1))
  shift
  begin=$(now)
  hopeless=
  until "$@" </dev/null >"$here/out" 2>"$here/err"; do
    status=$?
    # 127: there is no such program, and waiting will not bring it.
    [ -z "$hopeless" ] && [ "$status" != 127 ] && [ "$(date +%s)" -lt "$until" ] || return 0
    sleep 0.25 2>/dev/null || sleep 1
  done
  status=0
}

# check ID SECONDS COMMAND…: repeats, and reports the last answer.
check() {
  checked=$1
  begins "$1"
  shift
  repeat "$@"
  frame "$checked" "$begin"
}

# not_run ID WHY: reports a step that would mean nothing, under an exit status of its own; verdict.ts knows it.
not_run() {
  : >"$here/out"
  echo "not run: $2" >"$here/err"
  status=77
  frame "$1" "$(now)"
}

# fails ID WORDS…: reports a step that is red by what was seen already.
fails() {
  failed=$1
  shift
  : >"$here/out"
  echo "$*" >"$here/err"
  status=1
  frame "$failed" "$(now)"
}

# beside NAME FUNCTION: runs it beside the others, with a folder of its own. Leaves its process in started.
beside() {
  mkdir "$work/$1"
  (
    here=$work/$1 child= watcher= teller= lanes= errands= checking=
    trap stop EXIT
    trap 'exit 70' HUP INT TERM PIPE
    "$2"
  ) &
  started=$!
}

# lane NAME FUNCTION: runs steps beside the others; each is reported when it ends.
lane() {
  beside "$1" "$2"
  lanes="$lanes $1=$started"
}

# errand NAME FUNCTION: finds out beside the others what they ask for, and reports nothing. Nobody waits for it when they
# are over, nor for what it started: that must not hold the connection open.
errand() {
  beside "$1" "$2" >/dev/null 2>&1 4>&-
  errands="$errands $started"
}

# collect: waits for all lanes, and tells of those that broke off.
collect() {
  for lane in $lanes; do
    wait "${lane#*=}"
    ended=$?
    [ "$ended" = 0 ] || fails "${lane%%=*}.lane" "the checks broke off with status $ended"
  done
  lanes=
}

cri() {
  tell crictl "$@"
  timeout 120 crictl --timeout 110s "$@" 4>&-
}
