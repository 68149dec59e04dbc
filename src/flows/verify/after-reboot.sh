# After a reboot, in lines `NAME VALUES`: the host is up when systemd has started what starts at boot.
timeout 180 systemctl is-system-running --wait >/dev/null 2>&1
echo "boot $(cat /proc/sys/kernel/random/boot_id)"
for try in 1 2 3 4 5 6 7 8 9 10; do
  timeout 10 crictl version >/dev/null 2>&1 && break
  sleep 1
done
echo "images $(timeout 20 crictl images --quiet 2>/dev/null | tr '\n' ' ')"
echo "pods $(timeout 20 crictl pods --quiet 2>/dev/null | tr '\n' ' ')"
echo "state $(ls /run/berth/pods 2>/dev/null | tr '\n' ' ')"
for program in iptables ip6tables; do
  echo "$program $("$program" -w 10 -t nat -S POSTROUTING 2>/dev/null | grep -c -e '-j BERTH-MASQUERADE')"
done
