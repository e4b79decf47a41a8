#!/bin/bash
# prerequisites.sh PURPOSE...   Installs the Debian packages that the named purposes need: only those whose file or
# command is missing, announced, never asking.
set -euo pipefail
cd "$(dirname "$0")/.."
. eng/lib.sh
trap end_children EXIT

# package, then the command or file that shows it is there
tests_need="etcd-server:etcd containerd:containerd runc:runc containernetworking-plugins:/usr/lib/cni/bridge
  iptables:iptables conntrack:conntrack ethtool:ethtool socat:socat iproute2:ip busybox-static:/usr/share/doc/busybox-static
  util-linux:setpriv procps:pgrep unzip:unzip zsh:zsh fish:fish faketime:faketime
  systemd:/usr/lib/systemd/systemd"
build_kubernetes_needs="rsync:rsync jq:jq make:make gcc:gcc dpkg-dev:dpkg-source patch:patch xz-utils:xz libc6-dev:/usr/include/stdlib.h
  debian-archive-keyring:/usr/share/keyrings/debian-archive-keyring.gpg"
publish_needs="clang:clang lld:ld.lld zlib1g-dev:/usr/include/zlib.h"
npm_needs="nodejs:node npm:npm"
publish_arm64_needs="gcc-aarch64-linux-gnu:aarch64-linux-gnu-gcc libc6-dev-arm64-cross:/usr/aarch64-linux-gnu/include/stdlib.h"

missing=()
look() {
  local entry probe
  for entry in $1; do
    probe=${entry#*:}
    case $probe in
      /*) [[ -e $probe ]] || missing+=("${entry%%:*}") ;;
      *) command -v "$probe" >/dev/null || missing+=("${entry%%:*}") ;;
    esac
  done
}

for purpose in "$@"; do
  case $purpose in
    tests)
      (( EUID == 0 )) || fail "the system tests run a real node, with namespaces and cgroups of its own, which only root can make; run them as root"
      look "$tests_need" ;;
    build-kubernetes) look "$build_kubernetes_needs" ;;
    publish) look "$publish_needs" ;;
    npm) look "$npm_needs" ;;
    publish-arm64) look "$publish_arm64_needs" ;;
    *) fail "prerequisites.sh: no purpose '$purpose'; use tests, build-kubernetes, publish, publish-arm64 or npm" ;;
  esac
done
(( ${#missing[@]} )) || exit 0

list="${missing[*]}"
command -v apt-get >/dev/null || fail "these packages are missing and this is not a Debian machine: $list; install their like by hand, then try again"
(( EUID == 0 )) || fail "these packages are missing and only root installs: run as root: apt-get install --no-install-recommends $list"

say "Installing Debian packages that are missing: $list"
log=$(mktemp)
trap 'end_children; rm -f "$log"' EXIT
apt=(apt-get -q -o Acquire::Retries=3 -o Acquire::http::Timeout=30 -o DPkg::Lock::Timeout=300)
step "apt-get update" 300 "$log" "${apt[@]}" update ||
  fail "apt-get update failed (see above), so $list cannot be installed; mend the machine's apt sources or network and try again"
step "apt-get install" 900 "$log" "${apt[@]}" install -y --no-install-recommends -o Dpkg::Options::=--force-confold "${missing[@]}" ||
  fail "apt-get could not install $list (see above); install them by hand and try again"
