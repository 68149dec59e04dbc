# What is wrong on a host: asked by the doctor alone, since some of it takes a second to find out. Changes nothing.
# Continues probe.sh, after lock-holder.sh. Parameters: those of probe.sh; owned, paths whose owning packages matter; locks, lock files of the package manager.

# FILES…: the lines of configuration files that say something, behind the name of their file.
settings_of() { grep -sH -v -e '^[[:space:]]*[#;]' -e '^[[:space:]]*$' "$@"; }

# PACKAGE: of what dpkg or rpm finds amiss in its files, programs and libraries that are missing or have other contents.
# Configuration and documentation, which have a letter before their path, are the host's own matter.
altered() {
  sed -nE 's,^(missing|..5[^ ]*) +(/((usr/(local/)?)?(s?bin|lib(exec|32|64)?)|opt)/.*),\1 \2,p' |
    while read -r how path; do printf 'altered\t%s\t%s\t%s\n' "$1" "$how" "$path"; done
}

echo @trouble
if [ -n "$locks" ]; then
  h=$(lock_holder $locks)
  [ -n "$h" ] && printf 'packagelock\t%s\n' "$(printf %s "$h" | b64)"
fi
# By its path: some builds of busybox have a dpkg of their own, which knows neither.
if [ -x /usr/bin/dpkg ] && command -v apt-get > /dev/null 2>&1; then
  printf 'audit\t%s\n' "$(/usr/bin/dpkg --audit 2>&1 | b64)"
  [ -n "$owned" ] && /usr/bin/dpkg-query -S $owned 2>/dev/null | while IFS= read -r l; do
    printf 'owner\t%s\t%s\n' "${l##*: }" "${l%%: *}"
  done
  for p in $apt; do LC_ALL=C /usr/bin/dpkg --verify "$p" 2>/dev/null | altered "$p"; done
elif command -v rpm > /dev/null 2>&1; then
  e=$(rpm -qa 2>&1 > /dev/null) || printf 'audit\t%s\n' "$(printf '%s\nrpm -qa failed\n' "$e" | b64)"
  for p in $owned; do
    [ -e "$p" ] || continue
    n=$(rpm -qf --qf '%{NAME}\n' "$p" 2>/dev/null) && printf 'owner\t%s\t%s\n' "$p" "${n%%"$nl"*}"
  done
  for p in $dnf $dnf_else; do
    p=${p#*=}
    LC_ALL=C rpm -V --nodeps --noscripts "$p" 2>/dev/null | altered "$p"
  done
fi

if [ -e "$state/lock" ]; then
  flock -n "$state/lock" true 2>/dev/null || printf 'berthlock\t%s\n' "$(b64 < "$state/lock")"
fi

# The last boot's denials, from the journal and from auditd's own log.
{
  command -v journalctl > /dev/null 2>&1 &&
    timeout 20 journalctl -q --no-pager -b -o cat -n 20000 _TRANSPORT=kernel + _TRANSPORT=audit 2>/dev/null
  [ -r /var/log/audit/audit.log ] && tail -n 20000 /var/log/audit/audit.log
} | grep -E 'avc: +denied|apparmor="DENIED"' | tail -n 100 | b64 | { read -r d; [ -n "$d" ] && printf 'denials\t%s\n' "$d"; }

set +f
printf 'sysctls\t%s\n' "$(settings_of /etc/sysctl.d/*.conf /run/sysctl.d/*.conf /usr/local/lib/sysctl.d/*.conf \
  /usr/lib/sysctl.d/*.conf /lib/sysctl.d/*.conf /etc/sysctl.conf | b64)"
printf 'boot-modules\t%s\n' "$(settings_of /etc/modules-load.d/*.conf /run/modules-load.d/*.conf \
  /usr/lib/modules-load.d/*.conf /etc/modules | b64)"
set -f

for p in iptables ip6tables; do
  command -v $p > /dev/null 2>&1 || continue
  printf 'forward\t%s\t%s\n' $p "$($p -w 10 -S FORWARD 2>/dev/null | b64)"
done
command -v nft > /dev/null 2>&1 && printf 'nft\t%s\n' "$(timeout 10 nft list chains 2>/dev/null | b64)"
if command -v firewall-cmd > /dev/null 2>&1; then
  printf 'trusted\t%s\n' "$(timeout 20 firewall-cmd --zone=trusted --list-sources 2>/dev/null)"
fi

df -P -i /var /usr /etc /run 2>/dev/null | while read -r f t u a c m; do
  [ "$a" -ge 0 ] 2>/dev/null && printf 'inodes\t%s\t%s\t%s\n' "$m" "$t" "$a"
done
[ -d /run/systemd/system ] && systemctl --failed --no-legend --plain 2>/dev/null | while read -r u r; do
  printf 'failed\t%s\n' "$u"
done
command -v timedatectl > /dev/null 2>&1 &&
  printf 'synchronized\t%s\n' "$(timeout 5 timedatectl show -p NTPSynchronized --value 2>/dev/null)"
[ -r /etc/resolv.conf ] && printf 'resolv\t%s\n' "$(b64 < /etc/resolv.conf)"
n=$(uname -n)
command -v getent > /dev/null 2>&1 &&
  printf 'hostname\t%s\t%s\n' "$n" "$(timeout 10 getent hosts "$n" > /dev/null && echo yes || echo no)"
command -v ss > /dev/null 2>&1 &&
  printf 'listener\t%s\n' "$(ss -xlpH src /run/crio/crio.sock 2>/dev/null | b64)"
command -v kubelet > /dev/null 2>&1 && printf 'kubelet\t%s\n' "$(timeout 10 kubelet --version 2>/dev/null)"
