# What installations bring. Part of executor.sh.

# Name and version of each, sorted as comm wants it. One whose files are there counts, whatever it still waits for (dpkg(1),
# package states): who finishes what somebody else began has not brought it.
installed_packages() {
  if command -v dpkg-query > /dev/null 2>&1; then
    dpkg-query -W -f '${Status} ${Package} ${Version}\n' | while read -r w e s p v; do
      case $s in not-installed | config-files) ;; *) printf '%s %s\n' "$p" "$v" ;; esac
    done
  else rpm -qa --qf '%{NAME} %{VERSION}-%{RELEASE}\n'; fi | LC_ALL=C sort -u
}

# Everything that is installed now and was not before: berth brought it. What has another version now, or is gone, is
# noted for the way back.
note_new_packages() {
  [ -n "$generation" ] || return 0
  # Left by an earlier berth that noted names alone.
  rm -f "$state/packages-before"
  [ -r "$state/versions-before" ] || return 0
  installed_packages > "$state/versions-now"
  {
    LC_ALL=C comm -23 "$state/versions-before" "$state/versions-now" | while read -r p v; do echo "old $p $v"; done
    LC_ALL=C comm -13 "$state/versions-before" "$state/versions-now" | while read -r p v; do echo "new $p $v"; done
  } | LC_ALL=C sort -k 2,2 -k 1,1 > "$state/versions-changed"
  # The old line of a package comes right after its new one.
  p=
  while read -r age name version; do
    if [ "$age" = old ] && [ "$name" = "$p" ]; then
      record version "$name" "$version" "$v"
      p=
      continue
    fi
    [ -z "$p" ] || note_new "$p" "$v"
    p=
    if [ "$age" = new ]; then p=$name v=$version; else record version "$name" "$version" -; fi
  done < "$state/versions-changed"
  [ -z "$p" ] || note_new "$p" "$v"
  rm -f "$state/versions-before" "$state/versions-now" "$state/versions-changed"
}

# PACKAGE VERSION
note_new() {
  record version "$1" - "$2"
  note package "$1"
}

packages_will_change() {
  installed_packages > "$state/versions-before.new" && mv -f "$state/versions-before.new" "$state/versions-before"
}
