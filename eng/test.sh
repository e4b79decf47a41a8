# shellcheck shell=bash
# Sourced by ./ote: the test run. Its last line is `N passed, N failed`, whatever happens.

test_usage() {
  cat <<'HELP'
./ote test [FILTER...]      installs what the tests need, builds everything and runs all tests, or those that a filter leaves

  --filter-class PATTERN          tests of these classes, by their full name; * stands for anything at either end: '*Selector*'
  --filter-namespace PATTERN      of these namespaces: 'Ote.Tests.Ctl.*'
  --filter-method PATTERN         these methods, by the full name of class and method: '*.Drain_waits*'
  --filter-trait NAME=VALUE       with this trait
  --filter-not-class PATTERN      and -namespace, -method, -trait: all but these
  --stop-on-fail on               ends each of the two test programs at its first failure
  --k3s FILE                      the proof with a real k3s alone: FILE is its executable (tests/Ote.SystemTests/EdgeHub/RealK3sTests.cs)
  --help, -h                      this text

What follows is passed on as it is to tests/Ote.Tests (unit tests, a few minutes) and tests/Ote.SystemTests (real processes, real Kubernetes, many minutes),
which are xunit.v3 programs; a filter may be given more than once, and may leave one of the two without a test.
The last line is `N passed, N failed`; the reports are in artifacts/test-results.
HELP
}

test_all() {
  if [[ ${1:-} == --k3s ]]; then
    [[ -f ${2:-} && -x ${2:-} ]] || { say "ote: --k3s: ${2:-(no file)} is no executable; name that of k3s, such as /usr/local/bin/k3s"; exit 2; }
    OTE_K3S=$(readlink -f "$2"); export OTE_K3S
    set -- --explicit only --filter-class '*.RealK3sTests'
  fi
  passed=0 failed=0 filtered=$#
  results=$PWD/artifacts/test-results
  local left owner
  for left in /tmp/ote-test.*; do   # of runs that were killed before they could
    owner=${left#*.}; owner=${owner%%.*}
    if [[ -d $left && ! -d /proc/$owner ]]; then rm -rf --one-file-system "$left"; fi
  done
  scratch=$(mktemp -d "/tmp/ote-test.$$.XXXXXX")
  trap 'status=$?; finish_tests' EXIT
  # Tests that leave a file behind leave it here.
  export TMPDIR=$scratch

  rm -rf "$results"; mkdir -p "$results"
  need_sdk
  # Each says itself what is wrong; the run then ends with one failure.
  attend '' bash eng/prerequisites.sh tests || exit 1
  attend '' bash eng/kubernetes.sh >/dev/null || exit 1
  attend '' bash eng/client.sh kubectl >/dev/null || exit 1
  attend '' bash eng/client.sh helm >/dev/null || exit 1
  build_all
  # Without a filter a million inputs are fuzzed (tests/Ote.Tests/Fuzz), in about ten seconds.
  (( filtered )) || export OTE_FUZZ_INPUTS=${OTE_FUZZ_INPUTS:-160000}
  run_tests Ote.Tests 900 "$@"
  run_tests Ote.SystemTests 4200 "$@"
  exit 0
}

# run_tests NAME SECONDS FILTER...
run_tests() {
  local name=$1 limit=$2 status=0 report=$results/$1.xml counts; shift 2
  say "Running $name ..."
  # A test that never ends is named, every two minutes, before the whole run is ended.
  attend "$name" bounded "$limit" dotnet "artifacts/bin/$name/release/$name.dll" --no-ansi --progress off --long-running 120 --xunit-diagnostics on \
    --show-stdout Failed --show-stderr Failed --fail-skips on --results-directory "$results" \
    --report-xunit-xml --report-xunit-xml-filename "$name.xml" "$@" || status=$?

  # A filter may well leave one of the two without a test (8); without a filter that is a failure.
  if (( status == 8 && filtered )); then return 0; fi
  # errors are failures outside any test, such as a fixture that cannot be disposed of.
  counts=$(grep -o -m 1 '<assembly [^>]*>' "$report" 2>/dev/null) || true
  if [[ $counts =~ \ passed=\"([0-9]+)\" ]]; then passed=$((passed + BASH_REMATCH[1])); else failed=$((failed + 1)); say "$name left no report: it ended with status $status before its tests did"; return 0; fi
  local before=$failed
  [[ $counts =~ \ failed=\"([0-9]+)\" ]] && failed=$((failed + BASH_REMATCH[1]))
  [[ $counts =~ \ errors=\"([0-9]+)\" ]] && failed=$((failed + BASH_REMATCH[1]))
  if (( status != 0 && failed == before )); then failed=$((failed + 1)); say "$name ended with status $status though no test of it failed"; fi
}

# failures REPORT   A line for each failed test of a report: its name and the beginning of its message.
failures() {
  [[ -r $1 ]] || return 0
  awk 'BEGIN { RS = "<test " }
    / result="Fail"/ {
      name = $0; sub(/^[^>]* name="/, "", name); sub(/".*/, "", name)
      said = $0; if (!sub(/.*<message>(<!\[CDATA\[)?/, "", said)) said = ""
      sub(/(\]\]>)?<\/message>.*/, "", said); gsub(/[ \t\r\n]+/, " ", said)
      printf "  failed: %s: %s\n", name, substr(said, 1, 400)
    }' "$1" >&2
}

finish_tests() {
  end_children
  # Said once more, briefly: the whole of it may be far above, or more than is kept of the output.
  local report
  for report in Ote.Tests Ote.SystemTests; do failures "$results/$report.xml"; done
  rm -rf --one-file-system "$scratch" 2>/dev/null || say "left behind: $scratch"
  if (( status != 0 && failed == 0 )); then failed=1; fi
  echo "$passed passed, $failed failed"
  if (( status == 0 && (failed > 0 || passed == 0) )); then status=1; fi
  exit "$status"
}
