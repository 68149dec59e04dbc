# The ground that a node stands on, asked in every probe: reads files of the kernel and starts next to no program.
# Continues probe.sh, whose parameters, functions and variables it uses.

echo @health
# The other side compares it with its own clock.
printf 'clock\t%s\n' "$(date +%s)"
if [ -r /proc/swaps ]; then
  while read -r f t s u p; do
    [ "$f" = Filename ] || printf 'swap\t%s\t%s\t%s\t%s\t%s\n' "$f" "$t" "$s" "$u" "$p"
  done < /proc/swaps
fi
if [ -r /sys/fs/selinux/enforce ]; then
  read -r e < /sys/fs/selinux/enforce
  printf 'selinux\t%s\n' "$e"
  command -v semanage > /dev/null 2>&1 && command -v restorecon > /dev/null 2>&1 && printf 'semanage\n'
  set +f
  for p in "$releases"/*/node /var/lib/berth /usr/local/bin/crio /usr/local/bin/runc /usr/local/bin/crun \
    /usr/local/bin/runsc /var/opt/berth/bin/crio /var/opt/berth/bin/runc /var/opt/berth/bin/crun /var/opt/berth/bin/runsc; do
    [ -e "$p" ] && printf 'context\t%s\t%s\n' "$p" "$(stat -c %C "$p" 2>/dev/null)"
  done
  set -f
fi
if [ -r /sys/module/apparmor/parameters/enabled ]; then
  read -r e < /sys/module/apparmor/parameters/enabled
  printf 'apparmor\t%s\n' "$e"
  command -v apparmor_parser > /dev/null 2>&1 && printf 'parser\n'
fi
# The rules that ufw passes packets on by; the files are for root alone, and nothing else of them is told.
cat /etc/ufw/user.rules /etc/ufw/user6.rules 2>/dev/null | while read -r a b c d proto dport to sport from r; do
  [ "$a $b $c $d $proto $dport $sport" = '### tuple ### route:allow any any any' ] &&
    printf 'ufw\t%s\t%s\n' "$to" "$from"
done
# Whoever loads a rule set of his own may flush ours: the unit that made them does not notice.
if [ -e /etc/systemd/system/berth-masquerade.service ]; then
  for p in iptables ip6tables; do
    command -v $p > /dev/null 2>&1 || continue
    $p -w 10 -t nat -C POSTROUTING -j BERTH-MASQUERADE 2>/dev/null && printf 'rules\t%s nat\n' $p
    $p -w 10 -C FORWARD -j BERTH-FORWARD 2>/dev/null && printf 'rules\t%s filter\n' $p
  done
fi
while read -r d m t o n; do
  case $m in
    / | /etc | /run | /run/berth | /tmp | /usr | /usr/lib | /usr/lib/berth | /var | /var/lib | /var/lib/berth)
      printf 'mount\t%s\t%s\t%s\n' "$m" "$t" "$o" ;;
  esac
done << END
$mounts
END
# Both tables in the kernel's own hexadecimal form. A node with many pods has as many routes: the first ones are the host's.
if [ -r /proc/net/route ]; then
  head -n 500 /proc/net/route | while read -r i d g f c u m k r; do
    [ "$i" = Iface ] || printf 'route4\t%s\t%s\t%s\n' "$i" "$d" "$k"
  done
fi
if [ -r /proc/net/ipv6_route ]; then
  head -n 500 /proc/net/ipv6_route | while read -r d l s p n m c u f i; do
    printf 'route6\t%s\t%s\t%s\n' "$i" "$d" "$l"
  done
fi
if [ -r /sys/fs/cgroup/cgroup.controllers ]; then
  read -r c < /sys/fs/cgroup/cgroup.controllers
  printf 'controllers\t%s\n' "$c"
elif [ -r /proc/cgroups ]; then
  while read -r n h c e; do [ "$e" = 1 ] && printf 'controllers\t%s\n' "$n"; done < /proc/cgroups
fi
