# Asks registries for their API (OCI distribution specification, end-1) from this host, and prints for each:
#   NAME <tab> `status N`, `open` where only a connection could be tried, `plain` where it answers without the TLS that is
#   wanted, or why not
# Parameters: registries, insecure (words), and the variables of a proxy where there is one.

ask() {
  if command -v curl > /dev/null 2>&1; then
    curl --silent --show-error --location --max-time 10 $2 --output /dev/null --write-out 'status %{http_code}' "$1" 2>&1
  elif command -v wget > /dev/null 2>&1; then
    # Options that busybox has too. A refusal without a login is an answer: its status stands in what wget says.
    timeout 20 wget -S -T 10 -O /dev/null "$1" 2>&1 |
      sed 's,^ *HTTP/[0-9.]* \([0-9]*\).*,status \1,'
  elif command -v python3 > /dev/null 2>&1; then
    python3 -c '
import sys, urllib.request, urllib.error
try:
    print("status", urllib.request.urlopen(sys.argv[1], timeout=10).status)
except urllib.error.HTTPError as error:
    print("status", error.code)
except Exception as error:
    print(error)
' "$1"
  elif command -v bash > /dev/null 2>&1 && [ -z "$https_proxy" ]; then
    # Not a word of HTTP, and still more than nothing: something listens there.
    address=${1#*://} address=${address%%/*} port=443
    case $1 in http://*) port=80 ;; esac
    case $address in *:*) port=${address##*:} address=${address%:*} ;; esac
    timeout 10 bash -c ': < "/dev/tcp/$0/$1"' "$address" "$port" 2>&1 && echo open
  else
    echo 'no curl, wget, python3 or bash here to ask with'
  fi
}

answers() {
  case $1 in *'status '[1-5]* | *open) ;; *) false ;; esac
}

# Each tool, with each TLS library, has its own words for an answer that is no TLS. A port tells more: TLS and plain HTTP cannot
# share one, and a server with TLS answers HTTP with 400 or not at all.
is_plain() {
  case $1 in *:[0-9]*) ;; *) return 1 ;; esac
  case $(ask "http://$1/v2/" '--max-redirs 0') in *'status 200'* | *'status 401'*) ;; *) false ;; esac
}

for r in $registries; do
  address=$r
  # The registry behind the name (containers-registries.conf(5)).
  [ "$r" = docker.io ] && address=registry-1.docker.io
  said=$(ask "https://$address/v2/" '')
  if ! answers "$said"; then
    case " $insecure " in
      *" $r "*) said=$(ask "http://$address/v2/" --insecure) ;;
      *) ! is_plain "$address" || said=plain ;;
    esac
  fi
  printf '%s\t%s\n' "$r" "$(printf '%s' "$said" | tr '\n\t' '  ' | cut -c1-300)"
done
