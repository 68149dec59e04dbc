# Asks dnf what it would download, with metadata of its own that are fetched now, and downloads it: the host's stay as
# they are. resolve-dnf.ts puts the parameters before this text:
#   wanted    names of packages
#   held      versions to hold, as NAME=VERSION
#   program   resolve-dnf4.py
#
# A line for each package follows "@packages": name, version, architecture, file, size, sha256, address, 1 when its
# repository wants signatures checked, what rpm says of its signature and the key.

set -u
export LC_ALL=C
# Packages are too large for a /tmp in memory.
folder=$(TMPDIR=/var/tmp mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$folder/rpms" "$folder/keys" || exit 1
# What every system has that berth can work on.
bare='system-release basesystem filesystem bash coreutils util-linux rpm dnf systemd kmod procps-ng openssh-server'

# dnf 4 is a library of Python, and cannot say what it would do but in a table for people.
with_dnf4() {
  python=$(sed -n '1s/^#! *\([^ ]*\).*/\1/p' "$(command -v dnf)")
  printf '%s\n' "$program" > "$folder/resolve.py" || return
  "$python" "$folder/resolve.py" "$folder" "$wanted" "$bare" "$held"
}

dnf5_here() {
  # It would download what there is for either architecture of a PC.
  dnf5 -q -y -x '*.i?86' --setopt=cachedir="$folder/cache" --setopt=logdir="$folder" --setopt=install_weak_deps=False \
    --setopt=skip_if_unavailable=False "$@"
}
# Of the held ones that are offered, all other versions, as arguments.
others() {
  [ -n "$held" ] || return 0
  names=
  for each in $held; do names="$names ${each%%=*}"; done
  dnf5_here repoquery --available --qf '%{name} %{version}-%{release}\n' $names | sort -u | awk -v held="$held" '
    BEGIN { split(held, all, " "); for (i in all) { at = index(all[i], "="); want[substr(all[i], 1, at - 1)] = substr(all[i], at + 1) } }
    { if (want[$1] == $2) offered[$1] = 1; else line[NR] = $0 }
    END { for (i in line) { split(line[i], is, " "); if (is[1] in offered) printf " -x %s-%s", is[1], is[2] } }'
}
# Of addresses: those of packages whose names are not among the other ones, or are wanted.
without() {
  awk -v wanted="$wanted" '
    function name_of(address) { sub(/.*\//, "", address); sub(/-[^-]*-[^-]*$/, "", address); return address }
    BEGIN { split(wanted, all, " "); for (i in all) want[all[i]] = 1 }
    FNR == NR && FILENAME == ARGV[1] { bare[name_of($0)] = 1; next }
    { name = name_of($0); if ((name in want) || !(name in bare)) print }' "$1" -
}
with_dnf5() {
  excluded=$(others) || return
  there=
  for each in $bare; do
    providers=$(dnf5_here repoquery --whatprovides "$each" --qf '%{name}\n') || return
    [ -z "$providers" ] || there="$there $each"
  done
  : > "$folder/bare"
  [ -z "$there" ] || dnf5_here download --url --resolve --alldeps $there > "$folder/bare" || return
  dnf5_here $excluded download --url --resolve --alldeps $wanted > "$folder/wanted" || return
  dnf5_here $excluded download --url --resolve $wanted > "$folder/here" || return
  { without "$folder/bare" < "$folder/wanted"; without /dev/null < "$folder/here"; } | sort -u > "$folder/addresses"
  dnf5_here download --destdir="$folder/rpms" $(sed 's/.*\///; s/\.rpm$//' "$folder/addresses") >&2 || return
  # What each repository wants, what each package is from, and where it lies.
  { dnf5_here --dump-repo-config='*' && echo @ &&
    dnf5_here repoquery --qf '%{name}-%{version}-%{release} %{repoid}\n' $(sed 's/.*\///; s/\.rpm$//' "$folder/addresses") &&
    echo @ && cat "$folder/addresses"; } > "$folder/said" || return
  awk -v rpms="$folder/rpms" '
    /^@$/ { part++; next }
    part == 0 && /^=+ "/ { split($0, quoted, "\""); repository = quoted[2] }
    part == 0 && /^(pkg_)?gpgcheck = / { wants[repository] = $3 }
    part == 1 && wants[$2] == 1 { checked[$1] = 1 }
    part == 2 {
      file = $0; sub(/.*\//, "", file); exact = file; sub(/\.rpm$/, "", exact); alike = exact; sub(/\.[^.]*$/, "", alike)
      printf "%s/%s\t%s\t%d\n", rpms, file, $0, (exact in checked) || (alike in checked)
    }' "$folder/said"
}

# The keys that the host trusts, in a database of their own: those that rpm knows, those of the distribution, those that
# repositories name by a path.
rpm_keys() { rpmkeys --define "_dbpath $folder/keys" --define '_keyring rpmdb' "$@"; }
rpm -q gpg-pubkey --qf '%{DESCRIPTION}\n' > "$folder/known.asc" 2> /dev/null
named=$(sed -n 's/^gpgkey *= *//p' /etc/yum.repos.d/*.repo 2> /dev/null | tr ',' ' ' | tr ' ' '\n' | sed -n 's,^file://,,p')
for key in "$folder/known.asc" /etc/pki/rpm-gpg/* $named; do
  grep -q 'BEGIN PGP PUBLIC KEY' "$key" 2> /dev/null && rpm_keys --import "$key" > /dev/null 2>&1
done

# Not --version: that leaves a log behind.
case $(readlink -f "$(command -v dnf)") in
  */dnf5) with_dnf5 ;;
  *) with_dnf4 ;;
esac > "$folder/found" || exit 1
echo @packages
tab=$(printf '\t')
while IFS=$tab read -r path address wants; do
  sum=$(sha256sum "$path") && size=$(stat -c %s "$path") || exit 1
  checked=$(rpm_keys --checksig --verbose "$path" 2>&1)
  # "Header V4 RSA/SHA256 Signature, key ID 0123abcd: OK"; rpm 6 says "signature, key fingerprint: 0123…abcd: OK".
  signature=$(printf '%s\n' "$checked" |
    sed -n 's/.*[Ss]ignature, key [A-Za-z]*:* *\([0-9a-f]*\): \([A-Z]*\).*/\2 \1/p' | sort -u | head -n 1)
  # The header may be as it was signed, and the payload not as the header says.
  case $checked in *': BAD'*) signature="BAD ${signature#* }" ;; esac
  rpm -qp --nosignature --nodigest --qf '%{NAME}\t%{VERSION}-%{RELEASE}\t%{ARCH}' "$path" || exit 1
  printf '\t%s\t%s\t%s\t%s\t%s\t%s\n' "${path##*/}" "$size" "${sum%% *}" "$address" "$wants" "$signature"
done < "$folder/found"
echo @end
