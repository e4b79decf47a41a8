#!/bin/bash
# kubernetes.sh   Prints the folder that holds kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, kube-proxy and
# kubectl v1.20.2, after building them, once a machine, from Debian's source package. OTE_KUBERNETES_BIN names a folder to use instead.
#
# Debian has no kube-apiserver binary, but its source package `kubernetes` is the whole tree with its dependencies and builds
# offline. It needs Go 1.15 (Debian 11): built with Go 1.19 the server dies in an old vendored package at the first custom resource.
set -euo pipefail
cd "$(dirname "$0")/.."
. eng/lib.sh
trap end_children EXIT

version=1.20.2
binaries=(kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl)

complete() {
  local binary
  for binary in "${binaries[@]}"; do [[ -x $1/$binary ]] || return 1; done
}

if [[ -n ${OTE_KUBERNETES_BIN:-} ]]; then
  complete "$OTE_KUBERNETES_BIN" || fail "OTE_KUBERNETES_BIN=$OTE_KUBERNETES_BIN lacks one of: ${binaries[*]}; unset it to have them built"
  echo "$OTE_KUBERNETES_BIN"; exit 0
fi

home=$OTE_CACHE_DIR/kubernetes-$version
bin=$home/bin
if complete "$bin"; then echo "$bin"; exit 0; fi

with_lock "$home/lock" 2400 "Kubernetes $version"
if complete "$bin"; then echo "$bin"; exit 0; fi
bash eng/prerequisites.sh build-kubernetes 8>&-

free=$(df -Pm "$home" | awk 'NR==2 {print $4}')
(( free > 5000 )) || fail "building Kubernetes needs 5 GB under $home and $free MB are free; free some or set OTE_CACHE to another disk"

rm -rf "$home"/work.* "$bin"   # of a build that was killed
work=$(mktemp -d "$home/work.XXXXXX")
trap 'end_children; chmod -R u+w "$work" 2>/dev/null; rm -rf "$work"' EXIT
say "Building Kubernetes $version from Debian's source package: once on this machine, 5 to 15 minutes, kept in $bin"

# The machine's own Debian mirror, as apt itself reads its sources (either format). The codenames are ours, so any release's entry will do.
codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-none}")
mirror=${OTE_DEBIAN_MIRROR:-$(apt-get --no-release-info indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' |
  awk -v own="$codename" '$3 == "main" && ($2 == own || $2 ~ /^(old)*stable$|^testing$|^unstable$|^sid$/) && $1 !~ /^cdrom:/ {print $1; exit}')}
[[ -n $mirror ]] || fail "no Debian mirror in this machine's apt sources, so the Kubernetes sources cannot be had; add one or set OTE_DEBIAN_MIRROR to its address"

# An apt state of our own: the machine's lists stay as they are.
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
mkdir -p "$work"/apt/{lists,cache} "$work/src" "$work/go" "$work/tmp"
printf 'Types: deb-src\nURIs: %s\nSuites: bookworm\nComponents: main\nSigned-By: %s\n\nTypes: deb\nURIs: %s\nSuites: bullseye\nComponents: main\nSigned-By: %s\n' \
  "$mirror" "$keyring" "$mirror" "$keyring" >"$work/apt/mirror.sources"
apt=(apt-get -q -o Dir::Etc::SourceList="$work/apt/mirror.sources" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$work/apt/lists"
  -o Dir::Cache="$work/apt/cache" -o APT::Sandbox::User=root -o Acquire::Retries=3 -o Acquire::http::Timeout=30)
cd "$work/src"
step "Reading the package lists of the Debian mirror" 300 "$work/log" "${apt[@]}" update ||
  fail "the Debian mirror $mirror could not be read (see above); mend the network, or set OTE_DEBIAN_MIRROR to another"
step "Downloading the Kubernetes sources (34 MB)" 600 "$work/log" "${apt[@]}" source --download-only kubernetes ||
  fail "the source package kubernetes of Debian 12 could not be had from $mirror (see above); set OTE_DEBIAN_MIRROR to a mirror that has it"
step "Downloading Go 1.15 (60 MB)" 600 "$work/log" "${apt[@]}" download golang-1.15-go golang-1.15-src ||
  fail "Go 1.15 of Debian 11 could not be had from $mirror (see above); set OTE_DEBIAN_MIRROR to a mirror that still has bullseye"

dsc=$(echo kubernetes_*+really"$version"-*.dsc)
[[ -f $dsc ]] || fail "the mirror's kubernetes is not $version but $(echo ./*.dsc); set OTE_DEBIAN_MIRROR to a Debian 12 mirror"
for package in golang-1.15-*.deb; do dpkg -x "$package" "$work/go"; done
tree=$work/gopath/src/k8s.io/kubernetes
mkdir -p "$(dirname "$tree")"
step "Unpacking" 300 "$work/log" dpkg-source --no-check -x "$dsc" "$tree" ||
  fail "$dsc could not be unpacked (see above); free some space under $home and try again"

cat >"$work/version" <<VERSION
KUBE_GIT_COMMIT='faecb196815e248d3ecfb03c680a4507229c2a56'
KUBE_GIT_TREE_STATE='clean'
KUBE_GIT_VERSION='v$version'
KUBE_GIT_MAJOR='1'
KUBE_GIT_MINOR='20'
VERSION
export GOROOT=$work/go/usr/lib/go-1.15
export PATH=$GOROOT/bin:$PATH GOPATH=$work/gopath GOCACHE=$work/cache GOTMPDIR=$work/tmp GO111MODULE=off CGO_ENABLED=0
export KUBE_GIT_VERSION_FILE=$work/version HOME=$work
go version >"$work/log" 2>&1 || fail "the unpacked Go 1.15 does not run ($(tail -n 1 "$work/log")); is this machine's architecture $(dpkg --print-architecture) one that Debian 11 knows?"
STEP_TAIL=60 step "Compiling Kubernetes $version" 2100 "$work/log" nice -n 10 make -C "$tree" GOLDFLAGS="-s -w" \
  WHAT="${binaries[*]/#/cmd/}" || fail "Kubernetes $version did not compile (see above); nothing was kept, so run it again, or set OTE_KUBERNETES_BIN to a folder with the binaries"

mkdir "$work/bin"
for binary in "${binaries[@]}"; do cp "$(readlink -f "$tree/_output/bin")/$binary" "$work/bin/"; done
"$work/bin/kube-apiserver" --version | grep -q "v$version" || fail "the built kube-apiserver does not answer --version with v$version; report this with $dsc"
mv -T "$work/bin" "$bin"
say "Kubernetes $version is built and kept in $bin"
echo "$bin"
