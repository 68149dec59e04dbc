# Values come on standard input, so that nothing needs quoting: a name, a blank and the value on each line, a dot at the
# end. A name that ends in .json is a file of crictl's; @WORK@ in it is the folder of this run.
while IFS= read -r line && [ "$line" != . ]; do
  case ${line%% *} in
    engine) engine=${line#* } ;;
    units) units=${line#* } ;;
    families) families=${line#* } ;;
    runtimes) runtimes=${line#* } ;;
    plugin-folders) plugin_folders=${line#* } ;;
    level) level=${line#* } ;;
    kubernetes) kubernetes=${line#* } ;;
    image) image=${line#* } ;;
    value) value=${line#* } ;;
    host-port) host_port=${line#* } ;;
    names) names=${line#* } ;;
    targets) targets=${line#* } ;;
    *.json)
      text=${line#* }
      case $text in *@WORK@*) text=${text%%@WORK@*}$work${text#*@WORK@} ;; esac
      printf '%s\n' "$text" >"$work/${line%% *}"
      ;;
    *)
      echo "the verification was given ${line%% *}, which it does not know" >&2
      exit 70
      ;;
  esac
done

# Standard input stays open as long as somebody wants the answers. When it ends, nobody does: whoever runs us was
# interrupted, or the connection broke, and what we started must be taken away now and not after the step at work.
exec 3<&0
(while IFS= read -r _; do :; done; kill -TERM $$) <&3 >/dev/null 2>&1 4>&- &
watcher=$!
exec 3<&- </dev/null
