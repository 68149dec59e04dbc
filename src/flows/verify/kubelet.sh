# The kubelet: that it is well, agrees with the runtime about cgroups and socket, and that its node is ready.

PATH=$PATH:/usr/local/bin:/var/opt/berth/bin
# Without a cluster it has nothing to do yet, unless it is to run by itself.
kubelet_runs() { [ "$kubernetes" = standalone ] || [ -e /etc/kubernetes/kubelet.conf ]; }

kubelet_health() {
  printf 'GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n' | timeout 10 socat -T 5 - TCP4:127.0.0.1:10248
}

# The last file that has a key has the last word, as the kubelet reads them.
kubelet_agrees() {
  for key in cgroupDriver containerRuntimeEndpoint; do
    value=
    for file in /var/lib/kubelet/config.yaml /etc/kubernetes/kubelet.conf.d/*.conf; do
      [ -e "$file" ] || continue
      said=$(sed -n "s/^$key: *\"\{0,1\}\([^\"]*\)\"\{0,1\} *\$/\1/p" "$file" | tail -n 1)
      value=${said:-$value}
    done
    echo "$key=$value"
  done
  timeout 30 crictl --timeout 20s runtime-config
}

if [ "$kubernetes" != no ]; then
  if kubelet_runs; then
    step units.kubelet 30 sh -c 'systemctl show "$1" --property="$2" && sed "s/ .*//; s/^/Uptime=/" /proc/uptime' \
      sh kubelet.service LoadState,ActiveState,SubState,UnitFileState,NRestarts,ActiveEnterTimestampMonotonic
    check kubelet.health 45 kubelet_health
  else
    not_run units.kubelet 'the host is no node yet: berth kubernetes up makes it one'
  fi
  check kubelet.agrees 0 kubelet_agrees
  if [ -e /etc/kubernetes/kubelet.conf ]; then
    step kubelet.node 60 kubectl --kubeconfig /etc/kubernetes/kubelet.conf get node \
      "$(uname -n | tr '[:upper:]' '[:lower:]')" -o json
  fi
fi
