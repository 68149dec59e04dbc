# Asks a host for everything that a rollback needs of berth's memory, in one go. POSIX sh with coreutils or busybox;
# changes nothing.
#
# history.ts puts the parameter `state` before this text. Lines as those of probe.sh.

tab=$(printf '\t')
b64() { base64 | tr -d '\n'; }

echo @history
names=
kept=' '
for d in "$state"/generations/*/; do
  [ -d "$d" ] || continue
  n=${d%/}
  n=${n##*/}
  while [ "${n#0}" != "$n" ]; do n=${n#0}; done
  printf 'generation\t%s\n' "$n"
  # Generations of berth 0.1 kept nothing.
  [ -r "${d}before" ] || continue
  printf 'before\t%s\t%s\n' "$n" "$(b64 < "${d}before")"
  [ -s "${d}spec" ] && printf 'spec\t%s\t%s\n' "$n" "$(cat "${d}spec")"
  while IFS=$tab read -r k p b s r; do
    case $k:$b in
      version:*) case " $names " in *" $p "*) ;; *) names="$names $p" ;; esac ;;
      file:file) case $kept in *" $s "*) ;; *) kept="$kept$s " ;; esac ;;
    esac
  done < "${d}before"
done

# Contents that a generation names: whole, and with the text of small ones so that a plan can show it.
for s in $kept; do
  [ -f "$state/objects/$s" ] || continue
  set -- $(sha256sum "$state/objects/$s")
  [ "$1" = "$s" ] || continue
  if [ "$(stat -c %s "$state/objects/$s")" -le 65536 ]; then printf 'object\t%s\t%s\n' "$s" "$(b64 < "$state/objects/$s")"
  else printf 'object\t%s\n' "$s"; fi
done

# What of the packages is installed, and what the repositories still have.
if [ -n "$names" ]; then
  if command -v dpkg-query > /dev/null 2>&1; then
    dpkg-query -W -f 'installed\t${Package}\t${Version}\t${Status}\n' $names 2>/dev/null | grep ' installed$'
    LC_ALL=C apt-cache madison $names 2>/dev/null | while IFS='| ' read -r p v r; do printf 'available\t%s\t%s\n' "$p" "$v"; done
  elif command -v rpm > /dev/null 2>&1; then
    for p in $names; do rpm -q --qf 'installed\t%{NAME}\t%{VERSION}-%{RELEASE}\n' "$p" | grep '^installed'; done
    # A repository that cannot be reached must not keep a host from going back: what the cache has counts then.
    for c in '' -C; do
      listed=$(LC_ALL=C timeout 40 dnf -q $c list --showduplicates $names 2>/dev/null) && break
    done
    printf '%s\n' "$listed" | while read -r p v r; do
      # dnf names the epoch where rpm -q does not.
      case $p in *.*) printf 'available\t%s\t%s\n' "${p%.*}" "${v#*:}" ;; esac
    done
  fi
fi
echo @end
exit 0
