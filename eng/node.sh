#!/bin/bash
# node.sh FOLDER   Runs a real node (containerd, kubelet, kube-proxy if it has a kubeconfig) in network, mount and process namespaces of its own, until it is sent TERM.
# FOLDER, written by the harness, holds:
#   node.env         name, api_ports, index, cgroup, kubelet and kubeproxy (the binaries' paths)
#                    or k3s (the binary's path), where all of it is a k3s agent: then there is k3s.yaml, the agent's configuration, in place of what follows
#                    and systemd=yes where containerd and kubelet are to be services of a systemd of the node's own (systemd.sh)
#   containerd.toml  cni/  kubelet.yaml  kubelet.kubeconfig  image.tar  and where kube-proxy is to run proxy.kubeconfig
# and gets  net.pid, a process whose network is the node's, and with systemd init.pid, its process 1.
# A kubelet that ends while there is a file kubelet.again starts anew.
# Everything the node starts dies with its process namespace, and its mounts and network with theirs; only its cgroups are left, and
# those are removed here. API servers listen on ports of 127.0.0.1 outside and are reached at the same addresses inside, through unix sockets.
set -euo pipefail
folder=$1
. "$(dirname "$0")/lib.sh"
. "$folder/node.env"

remove_cgroups() {
  local top
  for top in /sys/fs/cgroup/"$1" /sys/fs/cgroup/*/"$1"; do
    # Deepest first; a cgroup whose last process just died may refuse for a moment.
    if [[ -d $top ]]; then find "$top" -depth -type d -exec rmdir {} + 2>/dev/null || true; fi
  done
}

make_cgroups() {
  local top file
  if [[ -f /sys/fs/cgroup/cgroup.controllers ]]; then
    mkdir -p "/sys/fs/cgroup/$cgroup"
    for file in /sys/fs/cgroup/cgroup.subtree_control "/sys/fs/cgroup/$cgroup/cgroup.subtree_control"; do
      # A systemd hands them on itself, once it has left the cgroup that it is started in.
      [[ ${systemd:-} && $file == */"$cgroup"/* ]] || echo "+cpu +cpuset +memory +pids" >"$file" 2>/dev/null || true
    done
    return
  fi
  for top in /sys/fs/cgroup/*/; do
    [[ $top == */unified/ ]] || mkdir -p "$top$cgroup" 2>/dev/null || true
  done
  # A new cpuset is empty and takes no process until it is filled in.
  for file in cpuset.cpus cpuset.mems; do cat "/sys/fs/cgroup/cpuset/$file" >"/sys/fs/cgroup/cpuset/$cgroup/$file"; done
}

# Moves process $1 there. With no hierarchy but the unified one it is the only one.
move_to_cgroup() {
  local top
  for top in /sys/fs/cgroup/"$2" /sys/fs/cgroup/*/"$2"; do
    if [[ -d $top ]]; then echo "$1" >"$top/cgroup.procs"; fi
  done
}

inside() {
  mount -t tmpfs tmpfs /run
  mkdir -p /run/lock /run/netns "$folder/log"
  mount --bind "$folder/log" /var/log
  # Device plugins, CNI results and the like: fixed places that several nodes on one machine would share.
  mount -t tmpfs tmpfs /var/lib
  ip link set lo up
  for _ in {1..100}; do ip link show eth0 >/dev/null 2>&1 && break; sleep 0.1; done
  ip addr add "10.201.$index.2/30" dev eth0
  ip link set eth0 up
  ip route add default via "10.201.$index.1"
  echo 1 >/proc/sys/net/ipv4/ip_forward

  if [[ ${systemd:-} ]]; then exec "$(dirname "$0")/systemd.sh" "$folder"; fi

  # At the node's own address too: pods do not reach its loopback.
  local port
  for port in $api_ports; do socat "TCP-LISTEN:$port,reuseaddr,fork" "UNIX-CONNECT:$folder/api-$port.sock" & done
  if [[ ${k3s:-} ]]; then
    echo "node $name runs"
    "$k3s" agent --config "$folder/k3s.yaml" >>"$folder/k3s.log" 2>&1 || true
    fail "the k3s agent of node $name ended; its log is $folder/k3s.log"
  fi

  containerd --config "$folder/containerd.toml" >"$folder/containerd.log" 2>&1 &
  for _ in {1..150}; do ctr version >/dev/null 2>&1 && break; sleep 0.2; done
  ctr -n k8s.io images import "$folder/image.tar" || fail "the image of node $name was not imported: see $folder/containerd.log"
  while :; do
    "$kubelet" --config="$folder/kubelet.yaml" --kubeconfig="$folder/kubelet.kubeconfig" --root-dir="$folder/kubelet" --hostname-override="$name" \
      --node-ip="10.201.$index.2" --container-runtime=remote --container-runtime-endpoint=unix:///run/containerd/containerd.sock \
      --cert-dir="$folder/kubelet-certs" || true
    [[ -e $folder/kubelet.again ]] || exit 1
    rm "$folder/kubelet.again"
  done >"$folder/kubelet.log" 2>&1 &
  if [[ -e $folder/proxy.kubeconfig ]]; then
    "$kubeproxy" --kubeconfig="$folder/proxy.kubeconfig" --hostname-override="$name" --proxy-mode=iptables --cluster-cidr=10.202.0.0/16 --conntrack-max-per-core=0 \
      >"$folder/kube-proxy.log" 2>&1 &
  fi
  echo "node $name runs"
  wait -n
  fail "a part of node $name ended; its logs are kubelet.log, containerd.log and kube-proxy.log in $folder"
}

if [[ ${2:-} == inside ]]; then inside; exit; fi

namespaces=
tidy() {
  trap - EXIT
  # The kernel tells of the owner's death once for each of its threads.
  trap '' TERM INT
  # When the harness was killed there is no reader any more, and a word to it would end this script.
  exec >/dev/null 2>&1
  local child
  for child in $namespaces ${forward:-}; do kill -KILL "$child" 2>/dev/null || true; done
  wait 2>/dev/null || true
  # The kernel would remove it with the other end, in its own time.
  ip link del "ote$index" 2>/dev/null || true
  for _ in {1..50}; do
    remove_cgroups "$cgroup"
    compgen -G "/sys/fs/cgroup/*/$cgroup" >/dev/null || compgen -G "/sys/fs/cgroup/$cgroup" >/dev/null || break
    sleep 0.1
  done
}
trap tidy EXIT
trap 'exit 143' TERM INT

# Of nodes whose script was killed before it could tidy up.
for left in /sys/fs/cgroup/pids/ote-* /sys/fs/cgroup/ote-*; do
  owner=${left##*/ote-}; owner=${owner%%-*}
  if [[ -d $left && ! -d /proc/$owner ]]; then remove_cgroups "${left##*/}"; fi
done
make_cgroups

forward=
for port in $api_ports; do
  rm -f "$folder/api-$port.sock"
  setpriv --pdeathsig KILL socat "UNIX-LISTEN:$folder/api-$port.sock,fork" "TCP:127.0.0.1:$port" &
  forward+=" $!"
done
(
  # A systemd sets the machine's name, and takes its own cgroup for the root of all.
  if [[ ${systemd:-} ]]; then move_to_cgroup "$BASHPID" "$cgroup"; fi
  exec setpriv --pdeathsig KILL unshare --mount --net --pid ${systemd:+--uts --ipc --cgroup} --fork --kill-child=KILL --mount-proc "$0" "$folder" inside
) &
namespaces=$!

# The network namespace is the child's as soon as it differs from ours; the other end of the cable stays here.
for _ in {1..100}; do
  [[ $(readlink "/proc/$namespaces/ns/net" 2>/dev/null) != "$(readlink /proc/self/ns/net)" ]] && break
  sleep 0.1
done
echo "$namespaces" >"$folder/net.pid"
ip link add "ote$index" type veth peer name eth0 netns "$namespaces" || fail "node $name has no cable: ote$index could not be made; is the machine's kernel without veth, or the name taken?"
ip addr add "10.201.$index.1/30" dev "ote$index"
ip link set "ote$index" up
ip route add "10.202.$index.0/24" via "10.201.$index.2"
if [[ ${systemd:-} ]]; then
  for _ in {1..100}; do init=$(pgrep -P "$namespaces") && break; sleep 0.1; done
  echo "${init:?}" >"$folder/init.pid"
  # In the unified hierarchy a cgroup with a process of its own gives its children no controllers.
  if [[ -f /sys/fs/cgroup/cgroup.controllers ]]; then echo "$namespaces" >"/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)/cgroup.procs"; fi
  within=(nsenter --target "$init" --mount --pid --uts --ipc --net --cgroup)
  for _ in {1..300}; do "${within[@]}" systemctl is-active --quiet containerd 2>/dev/null && break; sleep 0.2; done
  "${within[@]}" ctr -n k8s.io images import "$folder/image.tar" || fail "the image of node $name was not imported: $("${within[@]}" systemctl --no-pager status containerd kubelet 2>&1)"
  echo "node $name runs"
fi
wait "$namespaces"
