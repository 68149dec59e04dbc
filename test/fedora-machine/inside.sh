#!/bin/sh
# In the Fedora-like machine: the quick start from nothing to proven, again, and away.
set -eu
fail() { echo "test:fedora: $*" >&2; exit 1; }
cd /srv/berth
# A Fedora without what the quick start needs: each must come by its package.
rpm --erase --nodeps iproute 2> /dev/null
rm -f /usr/bin/ssh /usr/bin/ssh-keygen /usr/share/keyrings/debian-archive*
for program in apt-get dpkg mmdebstrap systemd-nspawn ip ssh; do
  ! command -v $program > /dev/null || fail "$program is there already"
done
state() { rpm -qa | sort; ls /var/lib; for p in ip ssh apt-get dpkg; do command -v $p || echo "no $p"; done; }
state > /root/before

quickstart() {
  code=0
  sh src/cli/quickstart.sh --ci "$@" > /root/log 2>&1 || code=$?
  cat /root/log
  [ $code = 0 ] || fail "quickstart $* ended with $code"
}
# npm's own mark of a finished installation is older than the copied lock file.
touch -d 2000-01-01 package-lock.json
quickstart
grep -q 'checks are green' /root/log || fail "no verification"
quickstart
grep -q 'nothing was put on this machine' /root/log || fail "the second run did something"
quickstart --remove
state > /root/after
diff /root/before /root/after || fail "the machine is not as it was"
[ ! -e /var/lib/berth-quickstart ] || fail "the folder is still there"
echo "test:fedora: the quick start came and went on a machine with dnf"
