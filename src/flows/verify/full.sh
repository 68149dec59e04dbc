# Restarts of the daemons under a running container, limits, confinement. Nothing else of ours is at work by now.
# frames: restart.* limits.* security.*

inspected() { cri inspect --output go-template --template "$1" "$2"; }
identity() { inspected '{{.status.id}} {{.info.pid}} {{.status.startedAt}} {{.status.state}}' "$writer"; }

answers_again() { timeout 15 crictl --timeout 10s version >/dev/null; }
restarted() {
  tell systemctl restart "$1.service"
  timeout 100 systemctl restart "$1.service" 4>&- && repeat_quietly 30 answers_again
}

# The writer counts: a line that is lost, doubled or out of order is seen by its number.
log_counted() {
  cri logs "$writer" >"$here/counted" 2>/dev/null || return
  awk 'BEGIN { wanted = 1 } { if ($2 != wanted && !bad) bad = "line " $2 " where " wanted " should be"; wanted = $2 + 1 }
    END { print NR " lines"; if (bad) { print bad; exit 1 } }' "$here/counted"
}
lines_now() { cri logs --tail 1 "$writer" 2>/dev/null | sed 's/[^0-9]//g'; }
log_goes_on() {
  before=$(lines_now)
  log_grew() { now_at=$(lines_now); [ "${now_at:-0}" -gt "${before:-0}" ]; }
  repeat_quietly 10 log_grew || { echo "no line after line ${before:-0}" >&2; return 1; }
  log_counted
}

restart_checks() {
  check restart.before 0 identity
  cp "$here/out" "$here/identity"
  for unit in $units; do
    check "restart.$unit" 0 restarted "$unit"
  done
  same_container() { cat "$here/identity" && identity; }
  # After a restart of the shim the daemon may need a moment to speak to it again.
  check restart.container 10 same_container
  check restart.exec 10 cri exec --sync "$writer" echo berth
  check restart.log 0 log_goes_on
}

# cgroup_file PID V1-CONTROLLER V1-FILE V2-FILE: the value in the cgroup of the process, whichever version the host has.
cgroup_file() {
  group=$(sed -n "s/^[0-9]*:\(.*,\)*$2\(,.*\)*:\(.*\)/\3/p" "/proc/$1/cgroup" | head -n 1)
  [ -z "$group" ] || [ ! -e "/sys/fs/cgroup/$2$group/$3" ] || { cat "/sys/fs/cgroup/$2$group/$3"; return; }
  group=$(sed -n 's/^0::\(.*\)/\1/p' "/proc/$1/cgroup")
  cat "/sys/fs/cgroup$group/$4"
}
memory_limit() {
  pid=$(inspected '{{.info.pid}}' "$limited") || return
  cgroup_file "$pid" memory memory.limit_in_bytes memory.max
}

greedy_ended() {
  inspected '{{.status.state}} {{.status.exitCode}} {{.status.reason}}' "$greedy" | tee "$here/ended" | grep CONTAINER_EXITED
}

# add_container FORM: leaves its identifier in added.
add_container() { added=$(cri create --no-pull "$full_pod" "$1" "$work/full-pod.json") && cri start "$added" >/dev/null; }

limit_checks() {
  begins limits.memory
  if add_container "$work/limited.json" 2>"$here/err" >"$here/out"; then
    limited=$added
    repeat 0 memory_limit
  else
    status=1
  fi
  frame limits.memory "$begin"
  begins limits.oom
  if add_container "$work/greedy.json" 2>"$here/err" >"$here/out"; then
    greedy=$added
    repeat 20 greedy_ended
  else
    status=1
  fi
  frame limits.oom "$begin"
}

security_checks() {
  check security.process 0 cri exec --sync "$writer" grep -E '^(Cap|Seccomp:|NoNewPrivs:)' /proc/self/status
  if [ "$engine" != berth ]; then
    not_run security.capabilities 'CRI-O does not tell its default capabilities'
    return
  fi
  tr -d '\n' <"$work/info" >"$here/flat"
  cat "$here/out" "$here/flat" >"$here/both" && cp "$here/both" "$here/out"
  frame security.capabilities "$begin"
}

begins restart.pod
if make_pod full "$work/full-pod.json" "$work/writer.json" 2>"$here/err" >"$here/out"; then
  full_pod=$made_pod writer=$made_container
  security_checks
  limit_checks
  restart_checks
  check restart.clean-up 0 cri rmp --force "$full_pod"
else
  status=1
  frame restart.pod "$begin"
  not_run restart.rest 'it needs restart.pod'
fi
