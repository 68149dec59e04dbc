# Values come on standard input, one a line, so that nothing needs quoting: names of OCI runtimes and folders of CNI
# plugins, separated by spaces; then the image, the configurations of pod and container, and a value to store.
IFS= read -r runtimes
IFS= read -r plugin_folders
IFS= read -r image
IFS= read -r pod_config
IFS= read -r container_config
IFS= read -r value

# Standard input stays open as long as somebody wants the answers. When it ends, nobody does: whoever runs us was
# interrupted, or the connection broke, and what we started must be taken away now and not after the step at work.
exec 3<&0
(while IFS= read -r _; do :; done; kill -TERM $$) <&3 >/dev/null 2>&1 &
watcher=$!
exec 3<&- </dev/null
