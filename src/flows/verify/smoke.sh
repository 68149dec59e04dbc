# Units, socket and versions.
for unit in berthd berth-shim; do
  step "units.$unit" 10 systemctl show "$unit.service" --property=LoadState,ActiveState,SubState,UnitFileState,NRestarts
done

# Right after a start the socket may need a moment.
repeat 15 cri version
frame socket.version "$begin"
answering=$status
step socket.info 20 crictl --timeout 15s info

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
