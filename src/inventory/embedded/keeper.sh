#!/bin/sh
# Keeps one embedded host alive, from outside: its cgroups, its network, its proxy, its reboots.
# It runs in a mount namespace of its own (unshare --mount), so every mount made here ends with it;
# the host's network namespace is held by a process, so it ends with that. What can outlive a
# "kill -9" of everything is one bridge and some empty cgroups, which "remove" finds by name.
#
# TITLE     name of bridge, cgroups, machine        NETWORK   first three octets of its /24
# LINK      name of our end of the wire             HOST      the host's folder
# BASE      root file system, only read             CGROUPS   version 1: our folder in each hierarchy;
# UNIFIED   1: the host sees cgroup version 2                 empty: the cgroup we were started in
# Arguments: the command line of the proxy.
set -eu

say() { echo "keeper: $*"; }

# ------------------------------------------------------------------ cgroups: keeper/ and guest/ in each
# Version 2 allows processes in leaves only, hence the two folders; version 1 gets the same.
if [ -z "$CGROUPS" ]; then CGROUPS=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup); fi
for group in $CGROUPS; do
  mkdir -p "$group"
  if [ -e "$group/cgroup.clone_children" ] && [ -e "$group/cpuset.cpus" ]; then
    # A new version 1 cpuset is empty and takes no process until it is filled.
    cat "$group/../cpuset.cpus" > "$group/cpuset.cpus"
    cat "$group/../cpuset.mems" > "$group/cpuset.mems"
    echo 1 > "$group/cgroup.clone_children"
  fi
  mkdir -p "$group/keeper"
  echo $$ > "$group/keeper/cgroup.procs"
  if [ -e "$group/cgroup.controllers" ]; then
    for controller in $(cat "$group/cgroup.controllers"); do
      echo "+$controller" > "$group/cgroup.subtree_control"
    done
  fi
done

# A boot before this one has handed controllers down from guest/, and then version 2 takes no process
# there (cgroups(7), "no internal processes"): every boot gets a new one. The last process of the host
# may take its time to leave.
renew_guests() {
  for group in $CGROUPS; do
    left=100
    while [ -d "$group/guest" ] && ! find "$group/guest" -depth -type d -exec rmdir {} + 2> /dev/null; do
      left=$((left - 1))
      if [ "$left" = 0 ]; then say "$group/guest is still in use" && exit 1; fi
      sleep 0.1
    done
    mkdir "$group/guest"
  done
}

# ------------------------------------------------------------------ mounts, private to us and the host
mkdir -p /run/systemd/nspawn
mount -t tmpfs none /run/systemd/nspawn
mount -t overlay overlay -o "lowerdir=$BASE,upperdir=$HOST/upper,workdir=$HOST/work" "$HOST/root"

# ------------------------------------------------------------------ network: a namespace, a wire, a bridge
unshare --net sleep infinity &
holder=$!
while [ "$(readlink "/proc/$holder/ns/net")" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.02; done
inside() { nsenter "--net=/proc/$holder/ns/net" "$@"; }
ip link show dev "$TITLE" > /dev/null 2>&1 && ip link delete "$TITLE"
ip link add "$TITLE" type bridge
ip address add "$NETWORK.1/24" dev "$TITLE"
ip link set "$TITLE" up
ip link add "$LINK" type veth peer name host0 netns "$holder"
ip link set "$LINK" master "$TITLE" up
inside ip link set lo up
inside ip link set host0 up
inside ip address add "$NETWORK.2/24" dev host0
inside ip route add default via "$NETWORK.1"

# ------------------------------------------------------------------ proxy: the host's only way out
rm -f "$HOST/proxy/socket"
"$@" &
proxy=$!
guest=
leave() {
  trap - EXIT
  kill "$proxy" "$holder" 2> /dev/null || true
  ip link delete "$TITLE" || true
  say "left"
}
trap leave EXIT
# nspawn passes SIGTERM on to the host's init as its order to halt.
trap 'stopping=1; [ -z "$guest" ] || kill -TERM "$guest"' TERM
stopping=

# ------------------------------------------------------------------ the host; 133 is its wish to reboot
# "network": the host may set the sysctls of its own network namespace. Never "1": /proc/sys would
# be writable as a whole, and the host's systemd-sysctl would set the keys of this machine.
export SYSTEMD_NSPAWN_API_VFS_WRITABLE=network
export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY="$UNIFIED"
set -- "--bind=$HOST/proxy:/var/lib/machine-proxy"
# Overlayfs does not stack on an overlay root: these are plain folders of the machine's file system.
for folder in berth containers containerd; do
  mkdir -p "$HOST/store/$folder"
  set -- "$@" "--bind=$HOST/store/$folder:/var/lib/$folder"
done
while [ -z "$stopping" ]; do
  renew_guests
  (
    # 0 means the process that writes: this subshell, which becomes nspawn.
    for group in $CGROUPS; do echo 0 > "$group/guest/cgroup.procs"; done
    exec systemd-nspawn --quiet --register=no --keep-unit --directory="$HOST/root" --machine="$TITLE" \
      --network-namespace-path="/proc/$holder/ns/net" --capability=all \
      --system-call-filter="add_key keyctl bpf" --resolv-conf=off --link-journal=no --timezone=off \
      --console=pipe "$@" --boot
  ) &
  guest=$!
  status=0
  wait "$guest" || status=$?
  # A signal ends "wait" early; the host is gone only when nspawn is.
  while kill -0 "$guest" 2> /dev/null; do status=0; wait "$guest" || status=$?; done
  say "the host ended with $status"
  [ "$status" = 133 ] || break
done
