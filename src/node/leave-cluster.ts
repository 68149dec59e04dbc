import type { Facts } from '../host/facts/probe.ts';
import type { Change, Origin } from '../resources/change.ts';
import { unitOrigins } from '../resources/origins.ts';
import { criSocket, kubelet } from './kubernetes.ts';

/** What berth did when it made the host a node of a cluster, as the host remembers it. */
const membership = 'kubernetes:member';

/**
 * Takes away what `kubeadm init`, `kubeadm join` and a kubelet made. kubeadm does most of it, and tells etcd that a member
 * goes; what it leaves to people is done too: chains of kube-proxy, volumes that are still mounted. Safe where it was done
 * already, and without kubeadm.
 */
const leaving = String.raw`PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/var/opt/berth/bin
export PATH
systemctl stop ${kubelet} 2> /dev/null
if [ -e /etc/kubernetes/kubelet.conf ] && command -v kubeadm > /dev/null; then
  kubeadm reset --force --cri-socket ${criSocket}
fi
sed -n 's|^[^ ]* \(/var/lib/kubelet/[^ ]*\) .*|\1|p' /proc/mounts | sort -r | while IFS= read -r point; do
  umount "$(printf '%b' "$point")"
done
rm -rf /etc/kubernetes/pki /etc/kubernetes/tmp /var/lib/etcd /var/lib/kubelet
rm -f /etc/kubernetes/manifests/kube-*.yaml /etc/kubernetes/manifests/etcd.yaml
for name in admin super-admin kubelet bootstrap-kubelet controller-manager scheduler; do
  rm -f "/etc/kubernetes/$name.conf"
done
for program in iptables ip6tables; do
  command -v "$program" > /dev/null || continue
  for table in nat filter mangle; do
    rules=$($program -w 30 -t $table -S 2> /dev/null) || continue
    printf '%s\n' "$rules" | sed -n 's/^-A \(.*-j KUBE-.*\)/-D \1/p' | while IFS= read -r rule; do
      # xargs takes the quotes of comments away.
      echo "$rule" | xargs $program -w 30 -t $table
    done
    chains=$(printf '%s\n' "$rules" | sed -n 's/^-N \(KUBE-[^ ]*\)$/\1/p')
    for chain in $chains; do $program -w 30 -t $table -F "$chain"; done
    for chain in $chains; do $program -w 30 -t $table -X "$chain"; done
  done
done
exit 0`;

/** Noted before a host becomes a node, so that a reset and a rollback know the way back. */
export const membershipOrigin: Origin = { kind: 'undo', name: membership, argv: ['sh', '-c', leaving] };

/**
 * While the runtime is still there to end the pods: the kubelet first, which would start them again. What a kubelet kept
 * goes where the host had none before berth.
 */
export function leaveCluster(facts: Facts): Change[] {
  const ours = unitOrigins(facts).find(({ name }) => name === kubelet);
  const isLeft = facts.units.get(kubelet)?.activeState === 'active';
  if (wasJoined(facts) || (ours !== undefined && isNew(ours.fileState) && isLeft))
    return [
      removal(leave, 'stop the kubelet, and take away what it and kubeadm made', ['sh', '-c', leaving]),
    ];
  if (ours === undefined || !isLeft) return [];
  return [removal('cluster:kubelet', `stop ${kubelet}`, ['systemctl', 'stop', kubelet])];
}

const leave = 'cluster';

/** berth has made the host a node; while that is not wholly taken back, also where the host itself has left. */
export const wasJoined = ({ install }: Pick<Facts, 'install'>): boolean =>
  install.origins.some((origin) => origin.kind === 'undo' && origin.name === membership);

/** After these changes the host is a node no more. */
export const leavesCluster = (changes: readonly Change[]): boolean => changes.some(({ id }) => id === leave);

/** The host had no such unit before: its record has a dash for a state that systemd does not know. */
const isNew = (fileState: string): boolean => fileState === '' || fileState === '-';

const removal = (id: string, summary: string, argv: readonly string[]): Change => ({
  id,
  action: 'remove',
  summary,
  steps: [{ kind: 'run', argv, deadlineSeconds: 300 }],
});
