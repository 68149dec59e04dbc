# A pod by each runtime handler but the default one, in which the walk-through was.
# frames: handler.*

# A program runs in it, its output is in the log, and it stops.
handler_pod() {
  handler_pod=$(cri runp --runtime "$1" "$work/handler-pod.json") || return
  echo "$handler_pod" >>"$work/handler.pods"
  handler_container=$(cri create --no-pull "$handler_pod" "$work/handler.json" "$work/handler-pod.json") || return
  cri start "$handler_container" >/dev/null || return
  cri exec --sync "$handler_container" sh -c 'echo kernel $(uname -r)' || return
  repeat_quietly 50 handler_logs || { echo 'the log lacks what it said' >&2; return 1; }
  cri stop --timeout 10 "$handler_container" >/dev/null || return
  inspected '{{.status.state}} {{.status.exitCode}}' "$handler_container"
}
handler_logs() { cri logs "$handler_container" 2>/dev/null | grep -q '^berth here$'; }
inspected() { cri inspect --output go-template --template "$1" "$2"; }

first=yes
for runtime in $runtimes; do
  if [ "$first" ]; then
    first=
    continue
  fi
  check "handler.$runtime" 0 handler_pod "$runtime"
  left=$(cat "$work/handler.pods" 2>/dev/null)
  # shellcheck disable=SC2086
  [ -z "$left" ] || cri rmp --force $left >"$here/out" 2>"$here/err" || {
    status=1
    frame handler.clean-up "$(now)"
  }
  rm -f "$work/handler.pods"
done
