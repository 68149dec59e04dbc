# The network as workloads use it: a server pod behind host ports, and a client pod with a DNS configuration of its own.
# frames: network.* dns.* hostport.*

# What the host itself can do in the world outside, asked while the pods are made: what it cannot, no pod can.
# Leaves a name that it resolves, and an address and port that accepted or refused a connection: either way packets went
# there and back.
look_outside() {
  number=10
  for name in $names; do
    (timeout 2 getent -s dns ahosts "$name" >/dev/null 2>&1 && echo "$name" >"$here/name.$number") &
    errands="$errands $!"
    number=$((number + 1))
  done
  for one in $errands; do wait "$one"; done
  errands=
  cat /dev/null "$here"/name.* >"$here/name" 2>/dev/null

  next_hop=$(ip -4 route show default 2>/dev/null | sed -n 's/^default via \([0-9.]*\).*/\1/p' | head -n 1)
  control=${SSH_CONNECTION:-}
  control=${control%% *}
  case $control in *:* | 127.*) control= ;; esac
  for target in $targets ${next_hop:+$next_hop:53 $next_hop:443 $next_hop:22} ${control:+$control:22}; do
    # A name that is not resolved would only cost its timeout.
    case ${target%:*} in *[!0-9.]*) grep -qx "${target%:*}" "$here/name" || continue ;; esac
    (answers "$target" && echo "$target" >"$here/target.$number") &
    errands="$errands $!"
    number=$((number + 1))
  done
  for one in $errands; do wait "$one"; done
  errands=
  cat /dev/null "$here"/target.* >"$here/target" 2>/dev/null
  : >"$here/done"
}
answers() {
  case $(timeout 3 socat -u OPEN:/dev/null "TCP:$1,connect-timeout=2" 2>&1 && echo connected) in
    *connected | *refused*) return 0 ;;
  esac
  return 1
}

# in_client COMMAND…: in the client's container.
in_client() { cri exec --sync --timeout 60 "$client" "$@"; }

# make_pod NAME POD-FORM CONTAINER-FORM: leaves the identifiers in made_pod and made_container.
make_pod() {
  made_pod=$(cri runp "$2") || return
  echo "$made_pod" >"$here/$1.pod"
  made_container=$(cri create --no-pull "$made_pod" "$3" "$2") && cri start "$made_container" >/dev/null
}

# need_pod FRAME REST NAME POD-FORM CONTAINER-FORM: make_pod, or both frames tell that there is none.
need_pod() {
  needed=$1 rest=$2
  shift 2
  make_pod "$@" 2>"$here/err" >"$here/out" && return
  status=1
  frame "$needed" "$begin"
  not_run "$rest" "it needs $needed"
  return 1
}

address_of() { cri inspectp --output go-template --template '{{.status.network.ip}}' "$1"; }
bracketed() { case $1 in *:*) echo "[$1]" ;; *) echo "$1" ;; esac; }

# Ports that somebody listens on, in hexadecimal, as the kernel lists them: state 0A is LISTEN, 07 a bound UDP socket.
listeners() {
  cat "/proc/net/$1" "/proc/net/${1}6" 2>/dev/null |
    awk -v state="$2" -v port="$(printf '%04X' "$host_port")" '$4 == state && $2 ~ ":" port "$" { n++ } END { exit n == 0 }'
}
port_is_free() {
  ! listeners tcp 0A && ! listeners udp 07 && return
  echo "somebody on the host listens on port $host_port: $(ss -Hlntup "sport = :$host_port" 2>/dev/null | sed 's/  */ /g' | head -n 1)" >&2
  return 1
}

# What the host speaks to redis; the value tells our redis from any other that answers there.
redis_says() {
  tell socat - "TCP:$1"
  printf 'GET berth\r\nQUIT\r\n' | timeout 30 socat -t 15 - "TCP:$1,connect-timeout=10"
}
# Nothing in the image answers datagrams; the host's socat does, in the network of the pod.
udp_check() {
  begins hostport.udp
  namespace=$(cri inspectp --output go-template --template '{{.info.namespaces.network}}' "$server" 2>/dev/null)
  case $namespace in
    /*) ;;
    *)
      not_run hostport.udp 'the runtime does not tell the network namespace of a pod'
      return
      ;;
  esac
  timeout 60 nsenter --net="$namespace" socat -d -d -T 5 UDP4-RECVFROM:6379,fork EXEC:cat >/dev/null 2>"$here/echo" 4>&- &
  child=$!
  check hostport.udp 10 udp_says
  kill "$child" 2>/dev/null
  wait "$child" 2>/dev/null
  child=
}
udp_says() {
  tell socat -t 0.5 - "UDP:$host_address:$host_port"
  printf 'berth\n' | timeout 5 socat -t 0.5 - "UDP:$host_address:$host_port" | grep berth
}

server_up() {
  printf 'SET berth %s\r\nQUIT\r\n' "$value" | timeout 30 socat -t 15 - "TCP:$(bracketed "$server_address"):6379,connect-timeout=10" | grep -q OK
}

network_lane() {
  sed "s#\"@HOST_PORT@\"#$host_port#g" "$work/hostport-pod.json" >"$here/hostport-pod.json"
  begins network.pods
  published=
  if ! port_is_free 2>"$here/err"; then
    # An answer, and no step that failed: what is to be done is another thing.
    status=0
  elif make_pod server "$here/hostport-pod.json" "$work/server.json" 2>"$here/err" >"$here/out"; then
    published=yes
  else
    status=1
  fi
  if [ -z "$published" ]; then
    : >"$here/out"
    frame hostport.pod "$begin"
    # The rest of the network does not depend on the port.
    [ ! -s "$here/server.pod" ] || cri rmp --force "$(cat "$here/server.pod")" >/dev/null 2>&1
    begins network.pods
    need_pod network.pods network.rest server "$work/server-pod.json" "$work/server.json" || return 0
  fi
  server=$made_pod
  server_begin=$begin

  # The client asks the servers of the host, in a search domain and with options that are not the host's.
  for file in /run/systemd/resolve/resolv.conf /etc/resolv.conf; do
    servers=$(sed -n 's/^nameserver[[:space:]]*\([0-9a-fA-F.:]*\).*/\1/p' "$file" 2>/dev/null | grep -v '^127\.\|^::1$' | head -n 3)
    [ -z "$servers" ] || break
  done
  # 192.0.2.53 is nobody's (RFC 5737): what was asked for is visible although nothing can be resolved.
  dns=$(for one in ${servers:-192.0.2.53}; do printf '"%s",' "$one"; done)
  sed "s#\"@DNS@\"#${dns%,}#" "$work/client-pod.json" >"$here/client-pod.json"
  begins network.pods
  need_pod network.pods network.rest client "$here/client-pod.json" "$work/client.json" || return 0
  client=$made_container client_pod=$made_pod
  server_address=$(address_of "$server")
  client_address=$(address_of "$client_pod")
  printf '%s %s\n' "$server_address" "$client_address" >"$here/out"
  : >"$here/err"
  status=0
  frame network.pods "$server_begin"
  # What others ask of the server they ask once.
  begins network.pod-to-pod
  tell socat - "TCP:$(bracketed "$server_address"):6379"
  repeat 60 server_up
  over

  published_checks
  dns_checks
  path_checks
  cri rmp --force "$client_pod" "$server" >"$here/out" 2>"$here/err" || {
    status=1
    frame network.clean-up "$(now)"
  }
}

published_checks() {
  if [ -z "$published" ]; then
    not_run hostport.rest 'it needs hostport.pod'
    return
  fi
  case " $families " in
    *' 4 '*) ;;
    *)
      published6_checks
      return
      ;;
  esac
  host_address=$(ip -4 route get 192.0.2.1 2>/dev/null | sed -n 's/.* src \([0-9.]*\).*/\1/p')
  # A host without a default route has its addresses all the same.
  [ -n "$host_address" ] || host_address=$(ip -4 -o addr show scope global 2>/dev/null | sed -n 's/.* inet \([0-9.]*\).*/\1/p' | head -n 1)
  check hostport.address 0 redis_says "$host_address:$host_port"
  if [ "$engine" = berth ]; then
    check hostport.loopback 0 redis_says "127.0.0.1:$host_port"
  else
    not_run hostport.loopback 'CRI-O publishes ports by rules of its own, on 127.0.0.1 only where kube-proxy has set route_localnet'
  fi
  check hostport.from-pod 0 in_client sh -c "printf 'GET berth\r\nQUIT\r\n' | nc -w 10 $host_address $host_port"
  udp_check
}

# Pods have IPv6 alone. The portmap plugin publishes on each address of the host but ::1.
published6_checks() {
  host_address=$(ip -6 -o addr show scope global 2>/dev/null | sed -n 's/.* inet6 \([0-9a-f:]*\).*/\1/p' | head -n 1)
  check hostport.address 0 redis_says "[$host_address]:$host_port"
  not_run hostport.loopback 'pods have IPv6 alone, and ::1 is published nowhere'
  check hostport.from-pod 0 in_client sh -c "printf 'GET berth\r\nQUIT\r\n' | nc -w 10 $host_address $host_port"
  not_run hostport.udp 'pods have IPv6 alone: TCP has shown it'
}

v6_alone() { case " $families " in *' 4 '*) return 1 ;; esac; }

dns_checks() {
  begins dns.configuration
  repeat 0 in_client cat /etc/resolv.conf
  cat "$here/client-pod.json" >>"$here/err"
  frame dns.configuration "$begin"
  while [ ! -e "$work/world/done" ]; do sleep 0.1 2>/dev/null || sleep 1; done
  name=$(head -n 1 "$work/world/name")
  if [ -z "$name" ]; then
    not_run dns.name "the host itself resolves none of: ${names:-(the profile names no registry)}"
  elif v6_alone && case $servers in *:*) false ;; esac; then
    not_run dns.name 'pods have IPv6 alone, and the DNS servers of the host have IPv4'
  elif [ -z "$servers" ]; then
    not_run dns.name 'the host names no DNS server that a pod could ask'
  else
    check dns.name 0 in_client sh -c "busybox nslookup $name 2>&1 || nslookup $name 2>&1 || getent hosts $name"
  fi
}

from_pod() {
  in_client nc -w 4 "${1%:*}" "${1##*:}" 2>&1 && echo connected && return
  # exec tells the complaint of nc within its own.
  return 1
}
reaches() {
  said=$(from_pod "$1") && echo "$said" && return
  echo "$said"
  case $said in *refused*) return 0 ;; esac
  return 1
}

path_checks() {
  check network.pod-to-pod 0 in_client sh -c "printf 'GET berth\r\nQUIT\r\n' | nc -w 10 $server_address 6379"

  # A listener of the host's own for one connection; redis and the kubelet's probes are reached the same way.
  begins network.pod-to-host
  rm -f "$here/listening"
  listen=TCP-LISTEN
  if v6_alone; then listen=TCP6-LISTEN; fi
  timeout 90 socat -d -d "$listen:0,reuseaddr" SYSTEM:'echo berth-host' >/dev/null 2>"$here/listening" 4>&- &
  child=$!
  listening() { sed -n 's/.*listening on AF=[0-9]* .*:\([0-9]*\)$/\1/p' "$here/listening" | grep .; }
  if repeat 15 listening && [ "$status" = 0 ]; then
    host_listens=$(cat "$here/out")
    gateway=$(cri inspectp --output go-template --template '{{range .info.cniResult.ips}}{{.gateway}} {{end}}' "$client_pod" 2>/dev/null)
    gateway=${gateway%% *}
    [ -n "$gateway" ] && [ "$gateway" != '<no' ] || gateway=$host_address
    check network.pod-to-host 0 in_client sh -c "nc -w 10 $gateway $host_listens"
  else
    frame network.pod-to-host "$begin"
  fi
  kill "$child" 2>/dev/null
  wait "$child" 2>/dev/null
  child=

  outside=$(head -n 1 "$work/world/target")
  if v6_alone; then
    not_run network.way-out 'pods have IPv6 alone, and what answers the host has IPv4'
    return
  fi
  if [ -z "$outside" ]; then
    not_run network.way-out 'nothing outside answers the host itself'
    return
  fi
  begins network.way-out
  repeat 0 reaches "$outside"
  echo "$outside" >>"$here/out"
  frame network.way-out "$begin"
}
