# Before the probe: a cloud's first boot that is still at work would change under our hands what the probe sees, and
# holds the package manager. cloud-init is waited for where it is there and has begun; result.json is the last it writes.
#   patience                seconds
if [ -e /run/cloud-init/status.json ] && [ ! -e /run/cloud-init/result.json ] &&
  command -v cloud-init > /dev/null 2>&1; then
  printf '@first-boot\nwaiting\n'
  timeout "$patience" cloud-init status --wait > /dev/null 2>&1
  # timeout says 124, busybox's 143. That cloud-init failed is told by itself, and no reason to wait.
  case $? in 124 | 137 | 143) printf 'unfinished\n' ;; esac
fi
