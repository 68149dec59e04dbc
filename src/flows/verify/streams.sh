# A container seen through its streams: exec, attach, port-forward, logs.
# frames: exec.* logs.* forward.* attach.*

streams_lane() {
  begins exec.pod
  need_pod exec.pod exec.rest streams "$work/streams-pod.json" "$work/streams.json" || return 0
  box_pod=$made_pod box=$made_container

  check exec.stdin 0 exec_stdin
  check exec.status 0 exec_status
  check exec.tty 10 exec_tty
  log_checks
  port_forward
  check attach.streams 0 attach
  cri rmp --force "$box_pod" >"$here/out" 2>"$here/err" || {
    status=1
    frame exec.clean-up "$(now)"
  }
}

# Both streams and the input of one command.
exec_stdin() {
  printf 'berth\n' | cri exec -i "$box" sh -c 'read -r line; echo "out $line"; echo "err $line" >&2' 2>"$here/stderr"
  said=$?
  cat "$here/stderr"
  return "$said"
}

# The status of a command comes back as crictl tells it.
exec_status() {
  cri exec "$box" sh -c 'exit 42'
  echo "crictl ended with $?"
}

# socat stands for the terminal in front of crictl, which it insists on.
exec_tty() {
  tell crictl exec -it "$box" tty
  # CRI-O on a busy machine may lose what so short a program says: it is asked again then.
  timeout 60 socat -t 30 - EXEC:"timeout 60 crictl exec -it $box tty",pty,setsid,ctty,stderr </dev/null 4>&- | grep .
}

# The container has written a line to each stream and one of 20000 characters, which the log holds in parts. Each stream is
# looked at by itself: an entry of the other one may lie between the parts.
log_is_whole() {
  cri logs "$box" >"$here/log" 2>"$here/log-stderr" || return
  grep -q '^out 1$' "$here/log" && grep -q '^err 1$' "$here/log-stderr" &&
    awk 'length($0) >= 20000 { found = 1 } END { exit !found }' "$here/log"
}
log_lines() {
  log_is_whole
  said=$?
  # What matters of the long line is its length, and that it is one.
  awk 'length($0) > 1000 { print "long line of " length($0); next } { print }' "$here/log" "$here/log-stderr"
  return "$said"
}
log_streams() {
  cri logs --stream stdout "$box" 2>/dev/null | grep -v '^0*1$' | sed 's/^/stdout: /'
  cri logs --stream stderr "$box" 2>&1 >/dev/null | sed 's/^/stderr: /'
}
log_parts() {
  awk '$2 == "stdout" { print $3 }' "$work/logs/streams.log" | sort | uniq -c
}
rotate_log() {
  mv "$work/logs/streams.log" "$work/logs/streams.log.1" &&
    cri logs --reopen "$box" >/dev/null &&
    cri exec --sync "$box" sh -c 'echo after rotation >/proc/1/fd/1' &&
    repeat_quietly 30 grep -H 'after rotation' "$work/logs/streams.log"
}
# As repeat, for a part of a step.
repeat_quietly() {
  patience=$(($1 * 10))
  shift
  until "$@"; do
    patience=$((patience - 1))
    [ "$patience" -gt 0 ] || return 1
    sleep 0.1 2>/dev/null || sleep 1
  done
}
log_checks() {
  check logs.lines 30 log_lines
  check logs.streams 0 log_streams
  check logs.parts 0 log_parts
  check logs.rotation 0 rotate_log
}

# crictl picks a free port of the host and says which.
forwarded() { sed -n 's/^Forwarding from 127\.0\.0\.1:\([0-9]*\) .*/\1/p' "$here/forward" | grep .; }
through_forward() {
  repeat_quietly 30 forwarded >"$here/port" || { cat "$here/forward" >&2; return 1; }
  printf 'berth\n' | timeout 30 socat -t 15 - "TCP:127.0.0.1:$(cat "$here/port"),connect-timeout=10"
}
port_forward() {
  # The container itself waits for one connection, on the loopback of the pod.
  cri exec --sync "$box" sh -c '(nc -l -p 7 -s 127.0.0.1 -e cat || nc -l -p 7 -e cat) </dev/null >/dev/null 2>&1 &' >/dev/null 2>&1
  begins forward.tcp
  tell crictl port-forward "$box_pod" :7
  timeout 90 crictl port-forward "$box_pod" :7 >"$here/forward" 2>&1 4>&- &
  child=$!
  check forward.tcp 0 through_forward
  kill "$child" 2>/dev/null
  wait "$child" 2>/dev/null
  child=
}

# Its input ends with attach, and the container with its input.
attach() {
  tell crictl attach -i "$box"
  printf 'ping 1\nping 2\n' | timeout 60 crictl attach -i "$box" 4>&-
  said=$?
  [ "$said" != 124 ] || return 0
  return "$said"
}
