# What an installer could change about a machine, one fact a line, in an order of its own. What systemd makes for
# logins is left out, and so is what a purge of packages leaves by Debian's rules: empty folders of systemd-container,
# downloaded packages, and the modules that the kernel loads by itself for a firewall rule or a bridge.
set -eu
echo '== packages'; dpkg-query --show --showformat='${binary:Package} ${db:Status-Status}\n'
echo '== links'; ip -oneline link | sed 's/ state .*//'; ip -brief address; ip route
echo '== namespaces'; ls /run/netns 2> /dev/null || true
echo '== mounts'; cut -d' ' -f1-3 /proc/self/mounts | grep -v ' /run/user/' | sort
echo '== cgroups'; find /sys/fs/cgroup -type d | grep -v -E '/user\.slice/|systemd-(hostnamed|timedated|localed)' | sort
echo '== sysctls'
for key in net/ipv4/ip_forward vm/overcommit_memory kernel/panic fs/inotify/max_user_instances; do
  echo "$key $(cat "/proc/sys/$key")"
done
echo '== units'
# On a busy machine PID 1 answers too late now and then, most of all when it reads its units again.
patiently() {
  for again in 1 2 3 4 5; do
    if "$@" > /run/berth-units; then cat /run/berth-units; rm /run/berth-units; return; fi
    sleep 5
  done
  rm /run/berth-units
  return 1
}
units=$(patiently systemctl list-unit-files --no-legend --no-pager)
printf '%s\n' "$units" | sort
units=$(patiently systemctl list-units --all --no-legend --plain --no-pager)
printf '%s\n' "$units" | awk '/berth|crio|failed/ { print $1, $2, $3 }'
echo '== files'
find /etc /usr /opt /var/lib /run -xdev \( -path /run/user -o -path /run/systemd -o -path /run/udev -o -path /run/log \) \
  -prune -o \( -type f -o -type l -o -type d \) -print | grep -v -E '/var/lib/(dpkg|systemd|apt|pam)/|/etc/ld.so.cache|^/var/lib/(machines|portables|cni)$' | sort
echo '== apt'; find /var/lib/apt/lists -type f -printf '%p %s\n' | sort
