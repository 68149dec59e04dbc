# Asks a host for every fact that a plan needs, in one go. POSIX sh with coreutils or busybox; changes nothing.
#
# probe.ts puts the parameters before this text: lists of words without blanks or wildcards.
#   state run               where berth keeps its memory on the host, lasting and until the next boot
#   apt dnf                 packages by the names of each family
#   files folders units modules sysctls interfaces disks
#   releases                the folder of release folders
#
# Each topic starts with a line "@name". Its lines are fields separated by tabs, the first is the kind;
# whatever could hold a tab or a newline is base64. One parser per topic reads them.

tab=$(printf '\t')
nl='
'
set -f
b64() { base64 | tr -d '\n'; }

# PATH: sha256. Large files are digested once: berth notes digest, size, inode and time stamps when it
# writes one, and a file whose status still says the same was not written since (nobody can set ctime back).
digest() {
  s=$(stat -c '%s,%i,%y,%z' "$1" | tr ' ' _)
  while read -r d n p; do
    [ "$p" = "$1" ] && [ "$n" = "$s" ] && { printf %s "$d"; return; }
  done < "$digests"
  set -- $(sha256sum "$1")
  printf %s "$1"
}

# PATH: one line that says what lies there; the content of small files with it.
report_file() {
  if [ -L "$1" ]; then
    printf 'link\t%s\t%s\n' "$1" "$(readlink "$1" | b64)"
  elif [ -f "$1" ]; then
    m=$(stat -c '%a %u:%g %s' "$1")
    if [ "${m##* }" -le 65536 ]; then
      printf 'small\t%s\t%s\t%s\n' "$1" "$m" "$(b64 < "$1")"
    else
      printf 'large\t%s\t%s\t%s\n' "$1" "$m" "$(digest "$1")"
    fi
  elif [ -d "$1" ]; then
    c=full
    [ -n "$(ls -A "$1")" ] || c=empty
    grep -qs " $1 " /proc/self/mounts && c="$c mount"
    printf 'directory\t%s\t%s\t%s\n' "$1" "$(stat -c %a "$1")" "$c"
  elif [ -e "$1" ]; then
    printf 'other\t%s\n' "$1"
  else
    printf 'absent\t%s\n' "$1"
  fi
}

digests=$state/digests
origin=$state/origin
[ -r "$digests" ] || digests=/dev/null
[ -r "$origin" ] || origin=/dev/null

echo @system
for f in /etc/os-release /usr/lib/os-release; do
  [ -r "$f" ] && { printf 'os\t%s\n' "$(b64 < "$f")"; break; }
done
printf 'machine\t%s\nkernel\t%s\n' "$(uname -m)" "$(uname -r)"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then printf 'cgroup\tv2\n'
elif [ -e /sys/fs/cgroup/unified/cgroup.procs ]; then printf 'cgroup\thybrid\n'
else printf 'cgroup\tv1\n'; fi
if [ -d /run/systemd/system ]; then
  v=$(systemctl --version 2>/dev/null)
  v=${v#systemd }
  printf 'systemd\t%s\n' "${v%%[!0-9]*}"
fi
[ -r /run/systemd/container ] && printf 'container\t%s\n' "$(cat /run/systemd/container)"
while read -r k v u; do
  case $k in MemTotal:) printf 'total\t%s\n' "$v" ;; MemAvailable:) printf 'available\t%s\n' "$v" ;; esac
done < /proc/meminfo
for t in base64 cp dd df flock gzip sha256sum stat sync timeout tr; do
  command -v "$t" > /dev/null 2>&1 || printf 'missing\t%s\n' "$t"
done

echo @packages
brought=
while IFS=$tab read -r k n v; do
  [ "$k" = package ] && brought="$brought $n"
done < "$origin"
if command -v apt-get > /dev/null 2>&1; then
  printf 'manager\tapt\n'
  known=$(dpkg-query -W -f '${Package}\t${Status}\t${Version}\n' $apt $brought 2>/dev/null)
  printf '%s\n' "$known" | while IFS= read -r l; do [ -n "$l" ] && printf 'deb\t%s\n' "$l"; done
  absent=
  for p in $apt; do
    case "$nl$known" in *"$nl$p$tab"*" installed$tab"*) ;; *) absent="$absent $p" ;; esac
  done
  if [ -n "$absent" ]; then
    # apt-cache is slow to start: only when something is missing.
    LC_ALL=C apt-cache policy $absent 2>/dev/null | while read -r a b c; do
      case $a in
        Candidate:) [ "$b" = '(none)' ] || printf 'candidate\t%s\t%s\n' "$n" "$b" ;;
        *:) [ -z "$b" ] && n=${a%:} ;;
      esac
    done
    set +f
    newest=$(ls -1t /var/lib/apt/lists/*Packages* 2>/dev/null | head -n 1)
    set -f
    [ -n "$newest" ] && printf 'lists\t%s\n' "$(($(date +%s) - $(stat -c %Y "$newest")))"
  fi
  if [ -n "$brought" ]; then
    dpkg-query -W -f '${Package}\t${Status}\t${Depends}, ${Pre-Depends}\n' 2>/dev/null |
      while IFS=$tab read -r p s d; do
        case $s in *' installed') printf 'needs\t%s\t%s\n' "$p" "$d" ;; esac
      done
  fi
elif command -v dnf > /dev/null 2>&1; then
  printf 'manager\tdnf\n'
  for p in $dnf $brought; do
    v=$(rpm -q --qf '%{VERSION}-%{RELEASE}' "$p" 2>/dev/null) && printf 'rpm\t%s\t%s\n' "$p" "$v"
  done
fi

echo @files
for f in $files; do report_file "$f"; done
set +f
for d in $folders; do
  for f in "$d"/*; do [ -e "$f" ] && report_file "$f"; done
done
set -f
# What berth touched earlier; releases are a topic of their own.
while IFS=$tab read -r k f v; do
  case " $files " in *" $f "*) continue ;; esac
  case $k:$f in *:"$releases"/*) ;; file:* | folder:*) report_file "$f" ;; esac
done < "$origin"

echo @units
if [ -d /run/systemd/system ]; then
  for u in $units; do
    systemctl show -p LoadState,ActiveState,UnitFileState,NeedDaemonReload,MainPID -- "$u" 2>/dev/null |
      while IFS='=' read -r k v; do
        printf 'property\t%s\t%s\t%s\n' "$u" "$k" "$v"
        [ "$k" = MainPID ] && [ "$v" -gt 0 ] && printf 'executable\t%s\t%s\n' "$u" "$(readlink "/proc/$v/exe")"
      done
  done
fi

# Never asks lsmod or /proc/modules, which hosts in containers lack: a module is active when the kernel
# shows it or what it brings.
echo @kernel
tree=/lib/modules/$(uname -r)
if [ -e "$tree/modules.dep" ] || [ -e "$tree/modules.builtin" ]; then printf 'tree\n'; fi
for m in $modules; do
  u=$(printf %s "$m" | tr - _)
  h=$(printf %s "$m" | tr _ -)
  a=missing
  if [ -d "/sys/module/$u" ] || grep -qs "[[:space:]]$m\$" /proc/filesystems; then a=active
  elif [ "$u" = br_netfilter ] && [ -d /proc/sys/net/bridge ]; then a=active
  elif grep -qsE "/($u|$h)\\.ko\$" "$tree/modules.builtin"; then a=active
  elif grep -qsE "/($u|$h)\\.ko(\\.[a-z0-9]+)?:" "$tree/modules.dep"; then a=available
  fi
  printf 'module\t%s\t%s\n' "$m" "$a"
done
for s in $sysctls; do
  # KEY=FILE
  f=${s#*=}
  if [ -r "$f" ]; then
    w=no
    [ -w "$f" ] && w=yes
    printf 'sysctl\t%s\t%s\t%s\n' "${s%%=*}" "$w" "$(tr '\t\n' '  ' < "$f")"
  else
    printf 'sysctl\t%s\tabsent\n' "${s%%=*}"
  fi
done
for i in $interfaces; do [ -e "/sys/class/net/$i" ] && printf 'interface\t%s\n' "$i"; done

echo @releases
[ -L "$releases/current" ] && printf 'current\t%s\n' "$(readlink "$releases/current")"
set +f
for d in "$releases"/*/; do
  [ -L "${d%/}" ] && continue
  for f in "$d"*; do [ -f "$f" ] && report_file "$f"; done
done
set -f

echo @disk
for d in $disks; do
  e=$d
  while [ ! -d "$e" ]; do
    e=${e%/*}
    [ -n "$e" ] || e=/
  done
  df -P -k "$e" 2>/dev/null | while read -r f t u a c m; do
    [ "$a" -ge 0 ] 2>/dev/null && printf 'disk\t%s\t%s\t%s\n' "$d" "$a" "$m"
  done
done

echo @install
[ -r "$state/origin" ] && printf 'origin\t%s\n' "$(b64 < "$state/origin")"
[ -r "$state/applied" ] && printf 'applied\t%s\n' "$(b64 < "$state/applied")"
set +f
for f in "$run"/stale/*; do [ -e "$f" ] && printf 'stale\t%s\n' "${f##*/}"; done
g=
for d in "$state"/generations/*/; do [ -d "$d" ] && g=$d; done
set -f
if [ -r "${g}journal" ] && ! grep -q '^end' "${g}journal"; then
  printf 'interrupted\t%s\t%s\n' "$(b64 < "${g}by")" "$(tail -n 1 "${g}journal" | b64)"
fi

echo @end
exit 0
