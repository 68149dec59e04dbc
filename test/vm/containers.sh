# Runs on a node that berth has proven, on cgroup v2 under systemd; prints one fact a line: "name value".
# The image of the walk-through must be there.
set -eu
image=${IMAGE:-localhost:5000/crio/redis:alpine}
work=$(mktemp -d)
pod=
leave() {
  [ -z "$pod" ] || { crictl stopp "$pod" && crictl rmp --force "$pod"; } > /dev/null 2>&1 || echo "left-behind $pod"
  rm -rf "$work"
}
trap leave EXIT
crictl() { command crictl --timeout 120s "$@"; }

cat > "$work/pod.json" << X
{ "metadata": { "name": "vm", "uid": "vm-$$", "namespace": "default" }, "log_directory": "$work/logs",
  "linux": { "cgroup_parent": "vmtest.slice" } }
X
# container NAME RESOURCES SCRIPT: made and started; prints its identifier
container() {
  cat > "$work/$1.json" << X
{ "metadata": { "name": "$1" }, "image": { "image": "$image" }, "log_path": "$1.log",
  "command": ["/bin/sh", "-c", "$3"], "linux": { "resources": { $2 } } }
X
  id=$(crictl create "$pod" "$work/$1.json" "$work/pod.json")
  crictl start "$id" > /dev/null
  echo "$id"
}
field() { crictl inspect --output go-template --template "{{.status.$2}}" "$1"; }
ended() {
  for _ in $(seq 240); do
    [ "$(field "$1" state)" = CONTAINER_EXITED ] && return
    sleep 0.5
  done
  echo "never-ended $1"
}
pid_of() { crictl inspect --output go-template --template '{{.info.pid}}' "$1"; }
unit_pid() { systemctl show --property MainPID --value "$1"; }
# A daemon under a new pid whose socket answers.
back() {
  for _ in $(seq 120); do
    now=$(unit_pid "$1")
    [ "$now" != 0 ] && [ "$now" != "$2" ] && crictl version > /dev/null 2>&1 && return
    sleep 0.5
  done
  echo "not-back $1"
}
struck() {
  old=$(unit_pid "$1")
  kill -KILL "$old"
  back "$1" "$old"
}

echo "cgroup $(stat -fc %T /sys/fs/cgroup)"
pod=$(crictl runp "$work/pod.json")

counter=$(container counter '' 'i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); sleep 0.2; [ -e /tmp/end ] && break; done; echo last $i; exit 7')
pid=$(pid_of "$counter")
cgroup=$(sed -n 's/^0:://p' "/proc/$pid/cgroup")
echo "scope $cgroup"

limited=$(container limited '"memory_limit_in_bytes": 33554432, "cpu_quota": 50000, "cpu_period": 100000' 'sleep 600')
folder=/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(pid_of "$limited")/cgroup")
echo "memory.max $(cat "$folder/memory.max")"
echo "cpu.max $(cat "$folder/cpu.max")"
crictl update --memory 50331648 --cpu-quota 30000 "$limited" > /dev/null
echo "updated $(cat "$folder/memory.max") $(cat "$folder/cpu.max")"
# What systemd believes it holds would be written again at its next reload.
echo "scope-memory $(systemctl show --property MemoryMax --value "berth-$limited.scope")"
crictl stats --output json "$limited" | tr -d ' \n' > "$work/stats"
figure() { sed -n "s/.*\"$1\":{\"value\":\"\([0-9]*\)\".*/\1/p" "$work/stats"; }
echo "stats-limit $(($(figure availableBytes) + $(figure workingSetBytes)))"
echo "stats-cpu $(figure usageCoreNanoSeconds)"

hungry=$(container hungry '"memory_limit_in_bytes": 33554432, "memory_swap_limit_in_bytes": 33554432' 'dd if=/dev/zero of=/dev/null bs=64M count=1')
ended "$hungry"
echo "hungry $(field "$hungry" exitCode) $(field "$hungry" reason)"
modest=$(container modest '"memory_limit_in_bytes": 33554432, "memory_swap_limit_in_bytes": 33554432' 'dd if=/dev/zero of=/dev/null bs=16M count=1')
ended "$modest"
echo "modest $(field "$modest" exitCode) $(field "$modest" reason)"

stored() { systemctl show --property NFileDescriptorStore --value berth-shim; }
echo "stored $(stored)"
struck berthd
echo "berthd-struck $(field "$counter" state)"
struck berth-shim
echo "shim-struck $(field "$counter" state)"
daemon=$(unit_pid berthd)
kill -KILL "$(unit_pid berth-shim)" "$daemon"
back berthd "$daemon"
echo "both-struck $(field "$counter" state)"
daemon=$(unit_pid berthd)
systemctl restart berthd berth-shim
back berthd "$daemon"
echo "restarted $(field "$counter" state)"
echo "same-pid $([ "$(pid_of "$counter")" = "$pid" ] && [ -d "/proc/$pid" ] && echo yes || echo no)"
echo "exec $(crictl exec --sync "$limited" echo through 2>&1)"

# Its parent was killed with the first shim: it is a child of init by now.
crictl exec --sync "$counter" touch /tmp/end
ended "$counter"
echo "counter $(field "$counter" exitCode)"
# Every line once, in order, and the last one.
cut -d' ' -f4- "$work/logs/counter.log" > "$work/lines"
total=$(sed -n 's/^last //p' "$work/lines")
seq 0 $((total - 1)) | sed 's/^/line /' > "$work/wanted"
echo "last $total" >> "$work/wanted"
if cmp -s "$work/lines" "$work/wanted"; then echo "log whole"; else
  echo "log differs"
  diff "$work/wanted" "$work/lines" | head -20 | sed 's/^/# /'
fi
crictl stopp "$pod" > /dev/null
crictl rmp "$pod" > /dev/null
pod=
echo "stored-after $(stored)"
echo "slice $([ -z "$(find /sys/fs/cgroup -name 'berth-*.scope' 2> /dev/null)" ] && echo empty || echo used)"
