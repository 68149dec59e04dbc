# Asks a host for every fact that a plan needs, in one go. POSIX sh with coreutils or busybox; changes nothing.
#
# probe.ts puts the parameters before this text: lists of words without blanks or wildcards.
#   state run               where berth keeps its memory on the host, lasting and until the next boot
#   apt dnf                 packages by the names of each family
#   dnf_else                NAME=OTHER: another name for one of dnf's
#   needs                   not empty: say which packages need which
#   files folders units modules sysctls interfaces disks
#   releases                folders of release folders: the first one, and the one for hosts whose /usr is read-only
#
# Others continue this text: health.sh in every probe, trouble.sh where a person asks what is wrong.
#
# Each topic starts with a line "@name". Its lines are fields separated by tabs, the first is the kind;
# whatever could hold a tab or a newline is base64. One parser per topic reads them.
#
# What costs time here is starting programs: one of them is asked about many things, and the shell does what it can.

tab=$(printf '\t')
nl='
'
blanks=" $tab$nl"
set -f
b64() { base64 | tr -d '\n'; }

# PATH STAMP: sha256. Large files are digested once: berth notes digest, size, inode and time stamps when it
# writes one, and a file whose status still says the same was not written since (nobody can set ctime back).
digest() {
  f=$1
  IFS=' '
  set -- $2
  IFS=_
  s=$*
  IFS=$blanks
  while read -r d n p; do
    [ "$p" = "$f" ] && [ "$n" = "$s" ] && { printf %s "$d"; return; }
  done < "$digests"
  set -- $(sha256sum "$f")
  printf %s "$1"
}

# PATH MODE
report_folder() {
  c=empty
  set +f
  for e in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    if [ -e "$e" ] || [ -L "$e" ]; then c=full; break; fi
  done
  set -f
  case $nl$mounts in *" $1 "*) c="$c mount" ;; esac
  printf 'directory\t%s\t%s\t%s\n' "$1" "$2" "$c"
}

# PATH…: one line for each that says what lies there. The contents of the small files come after them as one piece, and
# the digest of each, by which the other side sees that it cut the piece rightly.
report() {
  for p do
    shift
    if [ -L "$p" ]; then printf 'link\t%s\t%s\n' "$p" "$(readlink "$p" | b64)"
    elif [ -f "$p" ] || [ -d "$p" ]; then set -- "$@" "$p"
    elif [ -e "$p" ]; then printf 'other\t%s\n' "$p"
    else printf 'absent\t%s\n' "$p"; fi
  done
  [ $# -gt 0 ] || return 0
  stat -c "%n$tab%a %u:%g %Z %s$tab%s,%i,%y,%z" "$@" | {
    set --
    while IFS=$tab read -r p m s; do
      if [ -d "$p" ]; then
        report_folder "$p" "${m%% *}"
      elif [ "${m##* }" -le 65536 ]; then
        printf 'small\t%s\t%s\n' "$p" "$m"
        set -- "$@" "$p"
      else
        printf 'large\t%s\t%s\t%s\n' "$p" "$m" "$(digest "$p" "$s")"
      fi
    done
    if [ $# -gt 0 ]; then
      # A backslash before the digest says that the name after it is quoted.
      sha256sum "$@" | while read -r d p; do printf 'digest\t%s\n' "${d#\\}"; done
      printf 'contents\t%s\n' "$(cat "$@" | b64)"
    fi
  }
}

digests=$state/digests
origin=$state/origin
[ -r "$digests" ] || digests=/dev/null
[ -r "$origin" ] || origin=/dev/null
mounts=$(cat /proc/self/mounts 2>/dev/null)
# Before anything else is looked at: what an apply that was cut off finishes from now on makes its journal longer.
journal=
set +f
for d in "$state"/generations/*/; do [ -r "${d}journal" ] && journal=${d}journal; done
set -f
[ -n "$journal" ] && journal=$(stat -c %s "$journal")

# FOLDER: the file system that holds it is mounted read-only.
is_read_only() {
  p=$(readlink -f "$1")/
  best=
  access=rw
  while read -r d m t o rest; do
    case $p in
      "${m%/}"/*)
        [ ${#m} -ge ${#best} ] || continue
        best=$m
        case ,$o, in *,ro,*) access=ro ;; *) access=rw ;; esac
        ;;
    esac
  done << END
$mounts
END
  [ $access = ro ]
}

# Releases are where the host lets them be.
set -- $releases
releases=$1
if is_read_only /usr; then releases=${2:-$1}; fi

echo @system
for e in /usr /usr/local; do is_read_only "$e" && printf 'read-only\t%s\n' "$e"; done
if [ -e /run/ostree-booted ]; then
  l=fixed
  command -v rpm-ostree > /dev/null 2>&1 && l=layered
  printf 'image\t%s\n' "$l"
fi
for f in /etc/os-release /usr/lib/os-release; do
  [ -r "$f" ] && { printf 'os\t%s\n' "$(b64 < "$f")"; break; }
done
# -r comes before -m, however it is asked.
set -- $(uname -r -m)
printf 'kernel\t%s\nmachine\t%s\n' "$1" "$2"
tree=/lib/modules/$1
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then printf 'cgroup\tv2\n'
elif [ -e /sys/fs/cgroup/unified/cgroup.procs ]; then printf 'cgroup\thybrid\n'
else printf 'cgroup\tv1\n'; fi
if [ -d /run/systemd/system ]; then
  v=$(systemctl --version 2>/dev/null)
  v=${v#systemd }
  printf 'systemd\t%s\n' "${v%%[!0-9]*}"
fi
[ -r /run/systemd/container ] && printf 'container\t%s\n' "$(cat /run/systemd/container)"
# A machine that took another's address is told apart by these: copies of an image may share the first one.
for f in /etc/machine-id /sys/class/dmi/id/product_uuid; do
  [ -r "$f" ] && read -r i < "$f" && printf 'identity\t%s\n' "$i"
done
while read -r k v u; do
  case $k in MemTotal:) printf 'total\t%s\n' "$v" ;; MemAvailable:) printf 'available\t%s\n' "$v" ;; esac
done < /proc/meminfo
for t in base64 cp dd df flock gzip sha256sum stat sync tee timeout tr; do
  command -v "$t" > /dev/null 2>&1 || printf 'missing\t%s\n' "$t"
done
zstd -V > /dev/null 2>&1 && printf 'unpacks\tzstd\n'

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
  if [ -n "$needs" ] && [ -n "$brought" ]; then
    dpkg-query -W -f '${Package}\t${Status}\t${Depends}, ${Pre-Depends}\n' 2>/dev/null |
      while IFS=$tab read -r p s d; do
        case $s in *' installed') printf 'needs\t%s\t%s\n' "$p" "$d" ;; esac
      done
  fi
elif command -v dnf > /dev/null 2>&1 || { [ -e /run/ostree-booted ] && command -v rpm > /dev/null 2>&1; }; then
  printf 'manager\tdnf\n'
  # A name may be one that a package provides: iptables is iptables-nft on many.
  known=$(rpm -q --whatprovides --qf '%{NAME}\t%{VERSION}-%{RELEASE}\t[%{PROVIDENAME} ]\n' $dnf 2>/dev/null |
    while IFS=$tab read -r n v p; do [ -n "$v" ] && printf '%s\t%s\t %s\n' "$n" "$v" "$p"; done)
  absent=
  for p in $dnf; do
    case $known in
      *" $p "*)
        while IFS=$tab read -r n v l; do
          case $l in *" $p "*) printf 'rpm\t%s\t%s\n' "$p" "$v"; break ;; esac
        done << END
$known
END
        ;;
      *) absent="$absent $p" ;;
    esac
  done
  for e in $dnf_else; do
    p=${e%%=*} o=${e#*=}
    case "$absent " in *" $p "*) ;; *) continue ;; esac
    if v=$(rpm -q --qf '%{VERSION}-%{RELEASE}' "$o" 2>/dev/null); then
      printf 'rpm\t%s\t%s\n' "$o" "$v"
      # Nothing is missing: dnf need not be asked.
      absent="${absent%% "$p"*}${absent#* "$p"}"
    else absent="$absent $o"; fi
  done
  [ -n "$brought" ] && rpm -q --qf 'rpm\t%{NAME}\t%{VERSION}-%{RELEASE}\n' $brought 2>/dev/null | grep "^rpm$tab"
  [ -r "$state/failed-packages" ] && while read -r p; do printf 'failed\t%s\n' "$p"; done < "$state/failed-packages"
  # dnf is slow to start: only when something is missing. From what it has in its cache: it asks no server, and waits for no lock.
  [ -n "$absent" ] && timeout 30 dnf -q -C repoquery --latest-limit=1 --qf '%{name} %{evr}\n' $absent 2>/dev/null |
    while read -r n v; do [ -n "$v" ] && printf 'candidate\t%s\t%s\n' "$n" "$v"; done
  # What would not let go of ours, until the rest could go.
  if [ -n "$needs" ]; then
    rest=$brought
    while [ -n "$rest" ]; do
      set --
      for p in $rest; do rpm -q "$p" > /dev/null 2>&1 && set -- "$@" "$p"; done
      [ $# -gt 0 ] || break
      rest=" $* "
      all=$rest
      while read -r c n; do
        p=$(rpm -q --whatprovides --qf '%{NAME} ' "$c" 2>/dev/null)
        for p in $p; do
          case $all in *" $p "*)
            printf 'needs\t%s\t%s\n' "${n%-*-*}" "$p"
            case $rest in *" $p "*) rest="${rest%% "$p" *} ${rest#* "$p" }" ;; esac ;;
          esac
        done
      done << END
$(LC_ALL=C rpm -e --test $rest 2>&1 | sed -n 's/^[[:space:]]*\([^ ]*\).* is needed by (installed) \([^ ]*\).*/\1 \2/p')
END
      [ "$rest" != "$all" ] || break
    done
  fi
fi

echo @files
set -- $files
set +f
for d in $folders; do
  for f in "$d"/*; do
    case " $files " in *" $f "*) continue ;; esac
    [ -e "$f" ] && set -- "$@" "$f"
  done
done
set -f
# What berth touched earlier; releases are a topic of their own.
while IFS=$tab read -r k f v; do
  case " $files " in *" $f "*) continue ;; esac
  case $k:$f in *:"$releases"/*) ;; file:* | folder:*) set -- "$@" "$f" ;; esac
done < "$origin"
report "$@"

echo @units
if [ -d /run/systemd/system ] && [ -n "$units" ]; then
  set -- $units
  # In the order in which they are named; a blank line lies between two.
  systemctl show -p LoadState,ActiveState,UnitFileState,NeedDaemonReload,MainPID -- "$@" 2>/dev/null |
    while IFS='=' read -r k v; do
      if [ -z "$k" ]; then
        [ $# -gt 1 ] && shift
        continue
      fi
      printf 'property\t%s\t%s\t%s\n' "$1" "$k" "$v"
      [ "$k" = MainPID ] && [ "$v" -gt 0 ] && printf 'executable\t%s\t%s\n' "$1" "$(readlink "/proc/$v/exe")"
    done
  # systemd makes this link anew at each start of a unit: its time is taken from the same clock as those of files.
  set --
  for u in $units; do
    [ -L "/run/systemd/units/invocation:$u" ] && set -- "$@" "/run/systemd/units/invocation:$u"
  done
  [ $# -gt 0 ] && stat -c "started$tab%n$tab%Z" "$@" 2>/dev/null
fi

# Never asks lsmod or /proc/modules, which hosts in containers lack: a module is active when the kernel
# shows it or what it brings.
echo @kernel
if [ -e "$tree/modules.dep" ] || [ -e "$tree/modules.builtin" ]; then printf 'tree\n'; fi
for m in $modules; do
  # Both spellings of its name.
  IFS=-_
  set -- $m
  IFS=_
  u=$*
  IFS=-
  h=$*
  IFS=$blanks
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
printf 'root\t%s\n' "$releases"
[ -L "$releases/current" ] && printf 'current\t%s\n' "$(readlink "$releases/current")"
set --
set +f
for d in "$releases"/*/; do
  [ -L "${d%/}" ] && continue
  for f in "$d"*; do [ -f "$f" ] && set -- "$@" "$f"; done
done
set -f
report "$@"

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
for f in "$run"/stale/*; do [ -e "$f" ] && printf 'stale\t%s\t%s\n' "${f##*/}" "$(stat -c %Z "$f")"; done
g=
for d in "$state"/generations/*/; do
  [ -d "$d" ] && g=$d || continue
  n=${d%/}
  n=${n##*/}
  while [ "${n#0}" != "$n" ]; do n=${n#0}; done
  y="?$tab?"
  [ -r "${d}by" ] && read -r y < "${d}by"
  a="-$tab-$tab-$tab-$tab-"
  o=
  if [ -r "${d}about" ]; then
    read -r a < "${d}about"
    while IFS=$tab read -r w m t; do o=$o$w:$m,; done < "${d}outcome"
  # Generations of berth 0.1 have a journal alone.
  elif grep -qs '^end' "${d}journal"; then o=end,
  elif grep -qs '^fail' "${d}journal"; then o=fail,
  fi
  printf 'generation\t%s\t%s\t%s\t%s\n' "$n" "$y" "$a" "$o"
done
set -f
[ -e "$state/guard/armed" ] && printf 'guarded\n'
[ -n "$journal" ] && printf 'journal\t%s\n' "$journal"
if [ -r "${g}journal" ] && ! grep -q '^end' "${g}journal"; then
  printf 'interrupted\t%s\t%s\n' "$(b64 < "${g}by")" "$(tail -n 1 "${g}journal" | b64)"
fi
