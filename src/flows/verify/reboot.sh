# Before a reboot, in one answer of lines `NAME VALUES`; then the host goes down.
# Standard input: a pod that is left running, so that it is seen what the reboot makes of it.
folder=$(mktemp -d /run/berth-verify.XXXXXX) || exit 70
cat >"$folder/pod.json"
timeout 60 crictl runp "$folder/pod.json" >/dev/null 2>&1
echo "boot $(cat /proc/sys/kernel/random/boot_id)"
echo "images $(timeout 20 crictl images --quiet 2>/dev/null | tr '\n' ' ')"
echo "pods $(timeout 20 crictl pods --quiet 2>/dev/null | tr '\n' ' ')"
# The answer must be out before the network is down. Nothing of it may hold the channel open.
(sleep 1; exec systemctl reboot) </dev/null >/dev/null 2>&1 &
