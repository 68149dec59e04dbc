# Units, socket and versions.
for unit in berthd berth-shim; do
  step "units.$unit" 10 systemctl show "$unit.service" --property=LoadState,ActiveState,SubState,UnitFileState,NRestarts
done

# Right after a start the socket may need a moment; of a daemon that does not run there is nothing to wait for.
socket_version() {
  timeout 15 crictl --timeout 10s version && return
  said=$?
  case $(timeout 10 systemctl is-active berthd.service) in active | activating | reloading) ;; *) hopeless=yes ;; esac
  return "$said"
}
repeat 15 socket_version
frame socket.version "$begin"
answering=$status
if [ "$answering" = 0 ]; then
  step socket.info 20 crictl --timeout 15s info
else
  not_run socket.info 'the socket does not answer'
fi

step versions.crictl 10 crictl --version
for runtime in $runtimes; do
  step "versions.$runtime" 10 "$runtime" --version
done

bridge_version() {
  for folder in $plugin_folders; do
    [ -x "$folder/bridge" ] || continue
    echo '{"cniVersion":"1.0.0"}' | CNI_COMMAND=VERSION timeout 10 "$folder/bridge"
    return
  done
  echo "no plugin named bridge in: $plugin_folders" >&2
  return 1
}
repeat 0 bridge_version
frame versions.cni "$begin"
