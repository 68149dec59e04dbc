# Who holds a lock. Part of trouble.sh's probe and of executor.sh.

# FILES...: pid and command of another process that holds a lock on one of them.
lock_holder() {
  # Read at once: the kernel makes the list anew for each piece, and lines are lost between pieces.
  locks_now=$(cat /proc/locks 2>/dev/null)
  for f in "$@"; do
    # Not locked while it counts: it holds the number of a process.
    case $f in *.pid) ;; *) continue ;; esac
    pid=
    [ -s "$f" ] && read -r pid < "$f"
    [ -n "$pid" ] && [ -d "/proc/$pid" ] || continue
    printf 'pid %s (%s)' "$pid" "$(tr '\0' ' ' < "/proc/$pid/cmdline")"
    return 0
  done
  while read -r n a k w pid rest; do
    [ "$a" = '->' ] && continue
    for f in "$@"; do
      ls -l "/proc/$pid/fd" 2>/dev/null | grep -q -- "-> $f\$" || continue
      printf 'pid %s (%s)' "$pid" "$(tr '\0' ' ' < "/proc/$pid/cmdline")"
      return 0
    done
  done << END
$locks_now
END
  return 1
}
