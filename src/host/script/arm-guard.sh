# Guarded changes, as executor.sh sees them. Part of it.

# A process of its own (guard.sh) puts back what they changed when its deadline passes. Who takes the
# file `armed` away first wins: a new connection that confirms, the guard that restores, or we when a change fails.

uptime_seconds() {
  read -r now rest < /proc/uptime
  now=${now%%.*}
}

# SECONDS beyond the time to confirm. The clock of the guard is the kernel's: nobody can set it.
set_deadline() {
  uptime_seconds
  printf '%s\n' "$((now + grace + $1))" > "$guard/deadline.new" && mv -f "$guard/deadline.new" "$guard/deadline"
}

# SECONDS
guard() {
  if [ -n "$armed" ]; then
    set_deadline "$1"
    return 0
  fi
  await_former_guard
  rm -rf "$guard"
  mkdir -p "$guard" || full "$state" 4096
  armed=$guard/armed
  printf '%s\n' "$generation" > "$guard/generation"
  printf '%s\n' "$$" > "$guard/executor"
  printf '%s' "$guard_text" | base64 -d > "$guard/guard.sh" || full "$state" 16384
  set_deadline "$1"
  : > "$armed"
  make_durable "$guard/generation" "$guard/guard.sh" "$armed"
  start_guard
  say armed
}

# A guard whose change is decided looks once a second and then goes. It would take the next `armed` for its own, and
# fire it without the lock of the one that watches over it.
await_former_guard() {
  tries=0
  while [ -e "$guard/lock" ] && ! flock -n "$guard/lock" true; do
    tries=$((tries + 1))
    if [ $tries -gt 100 ]; then
      detail="the guard of the change before this one does not end ($guard/lock is held)"
      fail guard-start
    fi
    sleep 0.1 2>/dev/null || sleep 1
  done
}

# Also at the next boot, before there is a network, should the host not live to see the deadline.
start_guard() {
  if [ -d /run/systemd/system ]; then
    sh "$guard/guard.sh" "$state" enlist
    systemd-run --quiet --collect --property=TimeoutStopSec=5 --unit="berth-guard-${generation##*/}-$(date +%s)" /bin/sh "$guard/guard.sh" "$state" watch 9>&- > /dev/null 2>&1 || detach_guard
  else detach_guard; fi
  tries=0
  until [ -e "$guard/watching" ]; do
    tries=$((tries + 1))
    if [ $tries -gt 100 ]; then
      rm -f "$armed"
      armed=
      detail='the guard of this change does not start'
      fail guard-start
    fi
    sleep 0.1 2>/dev/null || sleep 1
  done
}

detach_guard() {
  if command -v setsid > /dev/null 2>&1; then setsid sh "$guard/guard.sh" "$state" watch < /dev/null > /dev/null 2>&1 9>&- &
  else sh "$guard/guard.sh" "$state" watch < /dev/null > /dev/null 2>&1 9>&- & fi
}

# The guard did its work: whatever comes now must not go on from there.
guard_fired() { [ -n "$armed" ] && [ ! -e "$armed" ]; }

# Over a new connection somebody has taken `armed` away.
guard_confirmed() {
  [ -e "$guard/confirmed" ] || { detail=$change; fail guard; }
  armed=
  sh "$guard/guard.sh" "$state" dismiss
  say confirmed
}

# A guarded change failed or is not wanted any more: there is nothing to wait for.
fire_guard() {
  [ -n "$armed" ] || return 0
  mv "$armed" "$guard/firing" 2>/dev/null || return 0
  armed=
  sh "$guard/guard.sh" "$state" restore 9>&-
}

# Left by a run that is over. We came over a new connection: that is what an armed guard waits for. One that undoes its
# change keeps everybody out meanwhile; what it was kept from finishing is finished here.
settle_guard() {
  if mv "$guard/armed" "$guard/confirmed" 2>/dev/null; then
    sh "$guard/guard.sh" "$state" dismiss
  elif [ -e "$guard/firing" ]; then
    flock -n "$guard/lock" true || return 1
    sh "$guard/guard.sh" "$state" restore 9>&-
  # It was confirmed, and whoever confirmed it did not live to take the unit for the next boot away.
  elif [ -e "$guard/confirmed" ]; then
    sh "$guard/guard.sh" "$state" dismiss
  fi
  return 0
}
