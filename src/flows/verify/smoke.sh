# Units, socket, versions, and the configuration that the daemon works with.

# as_read PID: the configuration as a daemon that starts now would read it, with the arguments and the environment of the
# one that runs.
as_read() {
  tr '\0' '\n' <"/proc/$1/cmdline" >"$here/argv"
  tr '\0' '\n' <"/proc/$1/environ" | grep '^PATH=\|^CONTAINERS_REGISTRIES_CONF=' >"$here/environ"
  set -- env -i
  for list in environ argv; do
    while IFS= read -r word; do set -- "$@" "$word"; done <"$here/$list"
  done
  timeout 90 "$@" config
}
both_configurations() { as_read "$pid" && cat "$work/info"; }
running_lane() {
  pid=$(timeout 30 systemctl show berthd.service --property=MainPID --value)
  case $pid in
    '' | 0 | *[!0-9]*) not_run config.running 'systemd knows no process of berthd' ;;
    *)
      check config.running 0 both_configurations
      ;;
  esac
}

# The first one serves the socket.
daemon=${units%% *}
for unit in $units; do
  step "units.$unit" 30 sh -c 'systemctl show "$1" --property="$2" && sed "s/ .*//; s/^/Uptime=/" /proc/uptime' \
    sh "$unit.service" LoadState,ActiveState,SubState,UnitFileState,NRestarts,ActiveEnterTimestampMonotonic
done

# Right after a start the socket may need a moment; of a daemon that does not run there is nothing to wait for.
socket_version() {
  timeout 60 crictl --timeout 50s version && return
  said=$?
  case $(timeout 30 systemctl is-active "$daemon.service") in active | activating | reloading) ;; *) hopeless=yes ;; esac
  return "$said"
}
check socket.version 15 socket_version
answering=$status
if [ "$answering" = 0 ]; then
  step socket.info 60 crictl --timeout 50s info
  cp "$work/out" "$work/info"
  # CRI-O tells of its configuration in a form of its own.
  [ "$engine" != berth ] || lane running running_lane
else
  not_run socket.info 'the socket does not answer'
  [ "$engine" != berth ] || not_run config.running 'the socket does not answer'
fi

step versions.crictl 30 crictl --version
# Kata's runtime is a shim, which its own program tells the version of.
for runtime in $runtimes; do
  program=$runtime
  [ "$runtime" != kata ] || program=kata-runtime
  step "versions.$runtime" 30 env PATH="$PATH:/opt/kata/bin" "$program" --version
done

bridge_version() {
  for folder in $plugin_folders; do
    [ -x "$folder/bridge" ] || continue
    echo '{"cniVersion":"1.0.0"}' | CNI_COMMAND=VERSION timeout 30 "$folder/bridge"
    return
  done
  echo "no plugin named bridge in: $plugin_folders" >&2
  return 1
}
check versions.cni 0 bridge_version

# Only a host with a kubelet has one to agree with.
if command -v kubelet >/dev/null 2>&1; then step versions.kubelet 60 kubelet --version; fi
