#!/bin/sh
# ssh runs this (SSH_ASKPASS) to ask for a secret. The question goes to berth through one FIFO, the answer comes back
# through another: no secret is ever in an argv, an environment or a file.
#   $1                    the question
#   SSH_ASKPASS_PROMPT    none: only tell it, nobody answers; confirm: yes or no
#   BERTH_ASKPASS         the folder with the FIFOs
question=$(printf %s "$1" | tr '\n\r\t' '   ')
printf '%s\t%s\n' "${SSH_ASKPASS_PROMPT:-secret}" "$question" > "$BERTH_ASKPASS/question"
[ "$SSH_ASKPASS_PROMPT" = none ] && exit 0
IFS= read -r answer < "$BERTH_ASKPASS/answer"
case $answer in
+*) printf '%s\n' "${answer#+}" ;;
*) exit 1 ;;
esac
