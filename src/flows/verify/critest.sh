# Runs a part of critest. Standard input: the program, the names of its specs as one expression, the images as JSON; it
# stays open as long as somebody wants the answer. Standard output: ginkgo's report in JSON, after a line of its own.
IFS= read -r program
IFS= read -r focus
IFS= read -r images

folder=$(mktemp -d /run/berth-critest.XXXXXX) || exit 70
child= watcher=
finish() {
  trap '' HUP INT TERM PIPE
  [ -z "$watcher" ] || kill "$watcher" 2>/dev/null
  # At SIGINT ginkgo ends the spec at work and takes away what it made; what it leaves all the same is in its own
  # namespaces, which nobody else uses.
  if [ -n "$child" ]; then
    kill -INT "$child" 2>/dev/null
    wait "$child" 2>/dev/null
  fi
  for pod in $(timeout 20 crictl pods --quiet --namespace '^cri-test-namespace' 2>/dev/null); do
    timeout 60 crictl rmp --force "$pod" >/dev/null 2>&1
  done
  rm -rf "$folder"
  case $program in /var/lib/berth-critest.*/critest) rm -rf "${program%/critest}" ;; esac
}
trap finish EXIT
trap 'exit 70' HUP INT TERM PIPE

exec 3<&0
(while IFS= read -r _; do :; done; kill -TERM $$) <&3 >/dev/null 2>&1 &
watcher=$!
exec 3<&- </dev/null

printf '%s\n' "$images" >"$folder/images.yaml"
socket=unix:///run/crio/crio.sock
# A shell in the background ignores SIGINT, and what it starts would as well; timeout hands it on.
timeout --signal=INT --kill-after=30 900 "$program" -runtime-endpoint "$socket" -image-endpoint "$socket" \
  -test-images-file "$folder/images.yaml" -ginkgo.focus "$focus" -ginkgo.json-report "$folder/report.json" \
  -ginkgo.no-color >"$folder/out" 2>&1 &
child=$!
wait "$child"
status=$?
child=
if [ -s "$folder/report.json" ]; then
  printf 'report %s\n' "$status"
  cat "$folder/report.json"
else
  tail -n 40 "$folder/out" >&2
  exit 71
fi
