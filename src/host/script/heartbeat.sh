# Who applies may vanish without a word: a machine that loses its power or its network, a process that is frozen. The
# connection then looks alive for hours, and the lock with it. So whoever sends commands says at least `beat`, and a
# process beside us looks whether anything comes while we wait for it. Part of executor.sh.

beat() { :; }

# [PATH]: we wait for input; as it comes, that file grows.
await_input() {
  awaited=$((awaited + 1))
  printf '%s %s\n' "$awaited" "${1:-}" > "$run/awaits"
}
# Once a line: no program is started for it, and a shell does not end when it cannot be written.
had_input() { printf '' > "$run/awaits"; }

watch_input() {
  step=$((silence / 18))
  [ $step -gt 0 ] || step=1
  quiet=0
  before=
  while [ $quiet -lt "$silence" ]; do
    sleep $step &
    nap=$!
    wait $nap
    kill -0 "$1" 2>/dev/null || return 0
    now=
    read -r n p < "$run/awaits" && now="$n $(stat -c %s "$p")"
    if [ -n "$now" ] && [ "$now" = "$before" ]; then quiet=$((quiet + step)); else quiet=0; fi
    before=$now
  done
  end_reader "$1"
}

# PID: whatever reads for it ends first, or it would never hear of its own end.
end_reader() {
  read -r self < "$run/watch"
  all=" $1 "
  found=yes
  while [ -n "$found" ]; do
    found=
    for s in /proc/[0-9]*/stat; do
      read -r line < "$s" || continue
      pid=${line%% *}
      # The name of a program may hold anything; the state comes after its last parenthesis, and then the parent.
      line=${line##*) ? }
      case $all in *" $pid "*) continue ;; *" ${line%% *} "*) ;; *) continue ;; esac
      [ "$pid" != "$self" ] || continue
      all="$all$pid "
      found=yes
    done
  done
  kill -TERM "$1"
  for pid in ${all#" $1 "}; do kill -KILL "$pid"; done
  sleep 5
  kill -KILL "$1"
}

start_watch() {
  awaited=0
  # By exec: redirections of a function keep what was there open, the lock too.
  (
    exec < /dev/null > /dev/null 2>&1 9>&-
    nap=
    trap 'kill $nap; exit 0' TERM
    watch_input $$
  ) &
  watch=$!
  printf '%s\n' "$watch" > "$run/watch"
}
end_watch() { kill -TERM "$watch" 2>/dev/null; }
