# The life of a redis pod, told by crictl.

# ended_early WHY: the level above would mean nothing any more; what is at work beside is waited for.
ended_early() {
  collect
  [ "$level" != full ] || not_run restart.rest "$1"
  exit 0
}

# Without an answer from the socket there is nothing to walk through.
if [ "$answering" != 0 ]; then
  for part in redis.walk network.rest exec.rest; do not_run "$part" 'the socket does not answer'; done
  ended_early 'the socket does not answer'
fi

label=berth.dev/verify=walk-through
pods() { timeout 15 crictl --timeout 10s pods --quiet --label "$label"; }
containers() { timeout 15 crictl --timeout 10s ps --all --quiet --label "$label"; }

# Two verifications of one host would count each other's pods. A folder can be locked as well as a file and leaves
# nothing behind; the lock dies with this shell.
if command -v flock >/dev/null 2>&1; then
  exec 9</run
  flock -w 120 9 4>&- &
  child=$!
  if ! wait "$child"; then
    status=75
    : >"$here/out"
    echo 'another verification of this host has been running for two minutes' >"$here/err"
    frame redis.lock "$(now)"
    ended_early 'another verification is at work'
  fi
  child=
fi

# With the lock held, a pod with our label is what an earlier run had to leave behind.
remove_pods() {
  left=$(pods) || return
  for pod in $left; do
    cri stopp "$pod"
    cri rmp --force "$pod"
  done
  left=$(pods && containers) && [ -z "$left" ]
}
take_away() {
  begins redis.clean-up
  tell crictl pods --label "$label"
  if remove_pods >"$work/out" 2>"$work/err"; then
    over
    return
  fi
  status=1
  frame redis.clean-up "$begin"
}
remove_pods >/dev/null 2>&1

mkdir "$work/logs"

# rest_not_run WHY: ends the walk; what does not depend on it is waited for.
rest_not_run() {
  not_run redis.walk "$1"
  if [ ! -d "$work/network" ]; then
    not_run network.rest "$1"
    not_run exec.rest "$1"
  fi
  ended_early "$1"
}

# must: a step without which the following ones mean nothing.
must() {
  step "$@"
  [ "$status" = 0 ] || rest_not_run "it needs $1"
  answer=$(cat "$work/out")
}

# ask: a step that looks at what is there. When the runtime lets it wait until the deadline, it would let the
# following ones wait as well.
ask() {
  step "$@"
  [ "$status" = 124 ] || { [ "$status" != 0 ] && grep -q DeadlineExceeded "$work/err"; } || return 0
  rest_not_run "the runtime did not answer $1 in time"
}

# How far the pull is berthd tells in a file, for as long as it runs; CRI-O tells nobody.
tell_pulled() {
  while sleep 0.5 4>&- || sleep 1 4>&-; do
    for file in /run/berth/pulls/*.json; do
      read -r said <"$file" || continue
      case $said in *"\"$image\""*) printf 'pull\tredis.pull\t%s\n' "$said" >&4 ;; esac
    done
  done
}

errand world look_outside
must redis.runp 120 crictl --timeout 120s runp "$work/pod.json"
pod=$answer
ask redis.inspectp 60 crictl --timeout 50s inspectp --output table "$pod"
ask redis.pod-ip 60 crictl --timeout 50s inspectp --output json "$pod"
tell_pulled </dev/null >/dev/null 2>&1 &
teller=$!
must redis.pull 180 crictl --timeout 180s pull "$image"
kill "$teller" 2>/dev/null
wait "$teller" 2>/dev/null
teller=
lane network network_lane
lane streams streams_lane
must redis.create 120 crictl --timeout 120s create "$pod" "$work/container.json" "$work/pod.json"
container=$answer
must redis.start 120 crictl --timeout 120s start "$container"
ask redis.inspect 60 crictl --timeout 50s inspect --output json "$container"

# Succeeds as well when there is nothing to wait for any more; the judge reads the log in any case.
log_says_ready() {
  cri logs "$container" >"$work/log" 2>&1
  cat "$work/log"
  grep -qi 'ready to accept connections' "$work/log" || [ -z "$(cri ps --quiet --state Running --id "$container")" ]
}
check redis.logs 60 log_says_ready

ask redis.exec 60 crictl --timeout 50s exec "$container" redis-server --version
ask redis.exec-sync 60 crictl --timeout 50s exec --sync "$container" redis-server --version

address=$(cri inspectp --output go-template --template '{{.status.network.ip}}' "$pod" 2>/dev/null)
case $address in *:*) address="[$address]" ;; esac
# Over TCP, as the world outside the pod would; QUIT makes redis close the connection. More than one try: while the IPv6
# address of a new bridge is tentative (RFC 4862 section 5.4), what connects takes another, and no answer comes back to that.
to_redis() {
  tell socat - "TCP:$address:6379"
  timeout 30 socat -t 15 - "TCP:$address:6379,connect-timeout=2,retry=3,interval=0.2"
}
ping() { printf 'PING\r\nQUIT\r\n' | to_redis; }
set_get() { printf 'SET berth %s\r\nGET berth\r\nQUIT\r\n' "$value" | to_redis; }
check redis.ping 0 ping
check redis.set-get 0 set_get

step redis.stop 120 crictl --timeout 110s stop --timeout 20 "$container"
ask redis.exit-code 60 crictl --timeout 50s inspect --output json "$container"
step redis.rm 60 crictl --timeout 60s rm "$container"
step redis.stopp 120 crictl --timeout 110s stopp "$pod"
step redis.rmp 120 crictl --timeout 110s rmp "$pod"

collect
ours() { pods && containers; }
check redis.nothing-left 0 ours
