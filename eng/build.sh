# shellcheck shell=bash
# Sourced by ./ote: the SDK check, builds that happen only when a source changed, and native publishing.

export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1 DOTNET_GENERATE_ASPNET_CERTIFICATE=false
# No compiler or build server outlives the command that started it.
export MSBUILDDISABLENODEREUSE=1 DOTNET_CLI_USE_MSBUILD_SERVER=0
export HOME=${HOME:-$(getent passwd "$EUID" | cut -d: -f6)}

need_sdk() {
  command -v dotnet >/dev/null ||
    fail "the .NET SDK is not on PATH; install the .NET SDK 10.0 (https://dotnet.microsoft.com/download/dotnet/10.0) and try again"
  # In this folder the question is answered under global.json.
  dotnet --version >/dev/null 2>&1 ||
    fail "this needs the .NET SDK 10.0 and $(command -v dotnet) has $(sdks); install the .NET SDK 10.0 (https://dotnet.microsoft.com/download/dotnet/10.0) and try again"
}
sdks() {
  local found
  found=$(dotnet --list-sdks 2>/dev/null | awk '{printf "%s%s", (NR > 1 ? ", " : ""), $1}')
  echo "${found:-no SDK at all}"
}

# fresh STAMP RESULT SOURCE...   True when RESULT exists and no source file or folder is newer than STAMP.
fresh() {
  local stamp=$1 result=$2 source sources=(global.json .editorconfig Directory.*.props Directory.*.targets eng/BannedSymbols*.txt); shift 2
  [[ -e $stamp && -e $result ]] || return 1
  for source in "$@"; do [[ -e $source ]] && sources+=("$source"); done
  [[ -z $(find "${sources[@]}" -newer "$stamp" -print -quit) ]]
}

# build NAME PROJECT RESULT SOURCE...   Builds PROJECT in Release unless it is fresh. Quiet, on stderr; the log is shown on failure.
build() {
  local name=$1 project=$2 result=$3; shift 3
  need_sdk
  local stamp=artifacts/built/$name
  fresh "$stamp" "$result" "$@" && return
  with_lock artifacts/built/lock 1200 "a build of this folder"
  fresh "$stamp" "$result" "$@" && { exec 8>&-; return; }
  touch "$stamp.begun"   # an edit during the build is newer than this
  STEP_TAIL=200 step "Building $name" 1200 "artifacts/built/$name.log" dotnet build "$project" -c Release -v q --nologo -clp:NoSummary -nodeReuse:false \
    -p:UseSharedCompilation=false || fail "$name did not build (its log is above and in artifacts/built/$name.log); mend the errors and try again"
  mv "$stamp.begun" "$stamp"
  exec 8>&-
}

build_all() {
  build everything Ote.slnx artifacts/bin/Ote.SystemTests/release/Ote.SystemTests.dll src deploy tests bench samples Ote.slnx
}

# publish [RID]   Native executables in out/RID.
publish() {
  need_sdk
  local own rid flags=() project
  case $(uname -m) in
    x86_64) own=linux-x64 ;;
    aarch64) own=linux-arm64 ;;
    *) fail "native executables are made for linux-x64 and linux-arm64, and this machine is $(uname -m); publish on one of those" ;;
  esac
  rid=${1:-$own}
  case $own/$rid in
    linux-x64/linux-x64|linux-arm64/linux-arm64) bash eng/prerequisites.sh publish ;;
    linux-x64/linux-arm64) bash eng/prerequisites.sh publish publish-arm64; flags+=(-p:LinkerFlavor=lld) ;;
    *) fail "no native executable for '$rid' can be made on $own; use linux-x64 or linux-arm64 (the latter from either)" ;;
  esac
  with_lock artifacts/built/lock 1200 "a build of this folder"
  rm -rf "out/$rid"
  for project in ote ote-node otectl; do
    STEP_TAIL=200 step "Publishing $project for $rid" 1200 "artifacts/built/publish-$project.log" dotnet publish "src/$project" -c Release -r "$rid" -o "out/$rid" \
      -v q --nologo -nodeReuse:false -p:UseSharedCompilation=false "${flags[@]}" ||
      fail "$project could not be published for $rid (its log is above); mend the errors and try again"
  done
  # What is shipped runs; symbols and documentation of the libraries inside are no part of it.
  rm -f "out/$rid"/*.pdb "out/$rid"/*.dbg "out/$rid"/*.xml
  # SQLite's library has no form that could be linked in, and `ote-node install` takes it along.
  [[ -e out/$rid/libe_sqlite3.so ]] || fail "out/$rid has no libe_sqlite3.so, without which ote and ote-node do not run; see artifacts/built/publish-ote-node.log"
  chmod 644 "out/$rid/libe_sqlite3.so"
  say "out/$rid (copied elsewhere, ote and ote-node need libe_sqlite3.so beside them):"
  (cd "out/$rid" && find . -maxdepth 1 -type f -printf '  %f  %s bytes\n' | sort >&2)
}
