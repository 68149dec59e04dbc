# Puts back what guarded changes changed, unless a new connection confirms them before the deadline. POSIX sh with
# coreutils or busybox. executor.sh copies it to the host and starts it; it outlives the connection.
#
# sh guard.sh STATE enlist|watch|restore|boot|dismiss
#
# In STATE/guard lie, beside this text:
#   generation   the folder of the generation whose file `before` says how things were; packages stay
#   executor     process of the apply, which must not go on once its work is undone
#   deadline     seconds of /proc/uptime
#   armed        who takes it away first decides: `confirmed` by a new connection, `firing` by the guard
#   lock         held as long as the guard watches
#   restored     it was put back, and why

state=$1
guard=$state/guard
objects=$state/objects
unit=/etc/systemd/system/berth-guard.service
wanted=/etc/systemd/system/sysinit.target.wants/berth-guard.service
tab=$(printf '\t')

has_systemd() { [ -d /run/systemd/system ]; }

tell_systemd() { has_systemd && timeout 60 systemctl "$@" > /dev/null 2>&1; }

# So that a host that was rebooted or lost its power before the deadline comes up as it was.
enlist() {
  [ -d "${wanted%/*}" ] || { mkdir "${wanted%/*}" && : > "$guard/made-folder"; }
  printf '%s\n' '[Unit]' \
    'Description=Puts back what an unconfirmed change of the network changed' \
    'DefaultDependencies=no' 'RequiresMountsFor='"$state" 'After=local-fs.target systemd-sysctl.service' \
    'Before=sysinit.target network-pre.target' 'Wants=network-pre.target' '' \
    '[Service]' 'Type=oneshot' "ExecStart=/bin/sh $guard/guard.sh $state boot" > "$unit"
  ln -sf "$unit" "$wanted"
  sync "$unit" 2>/dev/null || sync
}

dismiss() {
  rm -f "$unit" "$wanted"
  [ ! -e "$guard/made-folder" ] || rmdir "${wanted%/*}" 2>/dev/null
  rm -f "$guard/made-folder"
}

watch() {
  exec 8<> "$guard/lock"
  flock 8
  : > "$guard/watching"
  while [ -e "$guard/armed" ]; do
    read -r now rest < /proc/uptime
    read -r deadline < "$guard/deadline"
    if [ "${now%%.*}" -ge "$deadline" ]; then
      mv "$guard/armed" "$guard/firing" 2>/dev/null || exit 0
      end_executor
      restore 'nobody confirmed in time that the host can still be reached'
      exit 0
    fi
    sleep 1
  done
}

# It waits for more to do on a connection that may be dead.
end_executor() {
  read -r pid < "$guard/executor"
  [ "$(readlink "/proc/$pid/fd/9")" = "$state/lock" ] && kill -9 "$pid"
}

# PATH link|file|absent FIELDS...
restore_file() {
  path=$1
  beside=${1%/*}/.${1##*/}.berth-old
  rm -f "$beside"
  case $2 in
    absent) rm -f "$path" ;;
    link) ln -s "$3" "$beside" && mv -fT "$beside" "$path" ;;
    file)
      # What is there by now is better than something half.
      set -- "$1" "$2" "$3" "$4" "$5" $(sha256sum "$objects/$3")
      [ "$6" = "$3" ] && cp "$objects/$3" "$beside" && chmod "$4" "$beside" && chown "$5" "$beside" && mv -fT "$beside" "$path"
      ;;
  esac
}

# KEY VALUE: dots separate, unless the key is written with slashes (sysctl.d(5)).
restore_sysctl() {
  key=$1
  case ${key%%.*} in */*) ;; *) key=$(printf %s "$key" | tr ./ /.) ;; esac
  printf '%s\n' "$2" > "/proc/sys/$key"
}

# UNIT STATE ACTIVITY: stops what did not run before the files that it runs go.
restore_unit() {
  [ "$3" = active ] && restarts="$restarts $1" || tell_systemd stop "$1"
  case $2 in
    enabled) enables="$enables $1" ;;
    *) tell_systemd disable "$1" ;;
  esac
}

# The newest first: what was noted first is how it was.
restore_noted() {
  restarts=
  enables=
  sed '1!G;h;$!d' "$generation/before" > "$guard/backwards"
  while IFS=$tab read -r kind name a b c d; do
    case $kind in
      file) restore_file "$name" "$a" "$b" "$c" "$d" ;;
      folder) rmdir "$name" 2>/dev/null ;;
      sysctl) restore_sysctl "$name" "$a" ;;
      module) modprobe -r -- "$name" 2>/dev/null ;;
      interface) ip link delete "$name" 2>/dev/null ;;
      undo) printf %s "$a" | base64 -d > "$guard/undo" && timeout 60 sh "$guard/undo" < /dev/null ;;
      unit) restore_unit "$name" "$a" "$b" ;;
      disturbed) case " $restarts " in *" $name "*) ;; *) disturbed="$disturbed $name" ;; esac ;;
    esac
  done < "$guard/backwards" > "$guard/output" 2>&1
}

# WHY
restore() {
  read -r generation < "$guard/generation"
  restore_noted
  if [ -n "$restarts$enables$disturbed" ]; then
    tell_systemd daemon-reload
    for u in $enables; do tell_systemd reenable "$u"; done
    for u in $restarts; do tell_systemd $block restart "$u"; done
    for u in $disturbed; do tell_systemd $block try-restart "$u"; done
  fi
  printf 'guard\t-\t%s\n' "$(date +%s)" >> "$generation/outcome"
  printf '%s\n' "$1" > "$guard/restored"
  rm -f "$guard/firing"
  dismiss
  sync
}

block=
disturbed=
case $2 in
  enlist) enlist ;;
  watch) watch ;;
  restore) restore 'the change did not come to its end' ;;
  boot)
    # Nothing of this start waits for units that come after us.
    block=--no-block
    [ -e "$guard/armed" ] && mv "$guard/armed" "$guard/firing"
    [ -e "$guard/firing" ] && restore 'the host was started again before anybody confirmed'
    dismiss
    ;;
  dismiss) dismiss ;;
esac
