#!/bin/bash
# systemd.sh FOLDER   Called by node.sh in a node's namespaces, with the node's network up: lays the node out as kubeadm does and becomes its systemd,
# which runs containerd and the kubelet as services. FOLDER holds, besides what node.sh names, ca.crt, kubelet-client-current.pem, which is the kubelet's certificate and key,
# and in node.env ote_node, the folder with the build of ote-node that the node has as /run/ote-node. Nothing of this machine is changed: what the node writes to /etc and /usr/local is in its own memory, and of the machine's units it has those named here.
set -euo pipefail
folder=$1
. "$(dirname "$0")/lib.sh"
. "$folder/node.env"

# The node's cgroups are the root of each hierarchy, as its cgroup namespace says: systemd makes its own at the top.
if [[ -f /sys/fs/cgroup/cgroup.controllers ]]; then
  mount --bind "/sys/fs/cgroup/$cgroup" /sys/fs/cgroup
else
  mkdir /run/cgroup
  mount -t tmpfs tmpfs /run/cgroup
  for hierarchy in /sys/fs/cgroup/*/"$cgroup"; do
    to=/run/cgroup/$(basename "$(dirname "$hierarchy")")
    mkdir "$to"
    mount --bind "$hierarchy" "$to"
  done
  mount --move /run/cgroup /sys/fs/cgroup
fi

mkdir -p /run/private /run/ote-node
cp -r "$ote_node/." /run/ote-node
for own in /etc /usr/local; do
  to=/run/private/${own##*/}
  mkdir -p "$to/new" "$to/work"
  mount -t overlay overlay -o "lowerdir=$own,upperdir=$to/new,workdir=$to/work" "$own" || fail "$own of node $name cannot have a layer of its own; is the kernel without overlayfs?"
done

mkdir /run/private/units /run/private/generators
for unit in {sysinit,basic,sockets,timers,paths,slices,local-fs,network,network-online,multi-user,shutdown,umount}.target \
  systemd-journald{.service,.socket,-dev-log.socket} containerd.service; do
  cp "/usr/lib/systemd/system/$unit" /run/private/units
done
mount --bind /run/private/units /usr/lib/systemd/system
mount --bind /run/private/generators /usr/lib/systemd/system-generators
mount -t tmpfs tmpfs /etc/systemd/system
# PID 1 would speak on the machine's console and in its kernel's log.
mount --bind /dev/null /dev/console
mount --bind /dev/null /dev/kmsg

# Services with PrivateTmp leave folders there. The harness's own folder may be below.
mkdir /run/private/folder
mount --bind "$folder" /run/private/folder
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /var/tmp
mkdir -p "$folder"
mount --bind /run/private/folder "$folder"
cd /

hostname "$name"
echo "$name" >/etc/hostname
echo "10.201.$index.2 $name" >>/etc/hosts
# A kubelet looks at its start for the clouds that it knows, for ten seconds where nobody refuses.
ip route add unreachable 169.254.0.0/16
rm -f /etc/resolv.conf
echo 'nameserver 127.0.0.1' >/etc/resolv.conf
tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id
mkdir -p /etc/systemd/journald.conf.d
printf '[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=no\n' >/etc/systemd/journald.conf.d/node.conf

# A build, as against a published executable, has to find its runtime.
mkdir -p /etc/dotnet
dirname "$(readlink -f "$(command -v dotnet)")" >/etc/dotnet/install_location

# As kubeadm 1.20 and its Debian package leave a node.
mkdir -p /etc/kubernetes/pki /etc/containerd /var/lib/kubelet/pki /etc/systemd/system/{kubelet.service.d,multi-user.target.wants,sysinit.target.wants}
cp "$folder/kubelet.kubeconfig" /etc/kubernetes/kubelet.conf
cp "$folder/ca.crt" /etc/kubernetes/pki/ca.crt
cp "$folder/kubelet.yaml" /var/lib/kubelet/config.yaml
cp "$folder/containerd.toml" /etc/containerd/config.toml
cp "$folder/kubelet-client-current.pem" /var/lib/kubelet/pki
chmod 600 /etc/kubernetes/kubelet.conf /var/lib/kubelet/pki/kubelet-client-current.pem
ln -s "$kubelet" /usr/local/bin/kubelet
cat >/etc/systemd/system/kubelet.service <<'UNIT'
[Unit]
Description=kubelet: The Kubernetes Node Agent
Documentation=https://kubernetes.io/docs/home/
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=/usr/local/bin/kubelet
Restart=always
StartLimitInterval=0
RestartSec=10

[Install]
WantedBy=multi-user.target
UNIT
cat >/etc/systemd/system/kubelet.service.d/10-kubeadm.conf <<'UNIT'
# Note: This dropin only works with kubeadm and kubelet v1.11+
[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
# This is a file that "kubeadm init" and "kubeadm join" generates at runtime, populating the KUBELET_KUBEADM_ARGS variable dynamically
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/local/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
UNIT
echo 'KUBELET_KUBEADM_ARGS="--container-runtime=remote --container-runtime-endpoint=unix:///run/containerd/containerd.sock"' >/var/lib/kubelet/kubeadm-flags.env
echo "KUBELET_EXTRA_ARGS=--node-ip=10.201.$index.2" >/etc/default/kubelet

ln -s /usr/lib/systemd/system/containerd.service /etc/systemd/system/
wants=(containerd kubelet)
for port in $api_ports; do
  wants+=("api-$port")
  printf '[Service]\nExecStart=/usr/bin/socat TCP-LISTEN:%s,reuseaddr,fork UNIX-CONNECT:%s\n' "$port" "$folder/api-$port.sock" >"/etc/systemd/system/api-$port.service"
done
for service in "${wants[@]}"; do ln -s "../$service.service" "/etc/systemd/system/multi-user.target.wants/$service.service"; done
ln -s /usr/lib/systemd/system/systemd-journald.service /etc/systemd/system/sysinit.target.wants/

exec env -i PATH="$PATH" container=ote /usr/lib/systemd/systemd --system --unit=multi-user.target --log-target=journal
