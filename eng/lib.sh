# shellcheck shell=bash
# Sourced by ./ote and by the scripts of this folder: speech on stderr, bounded steps, the cache's place.

# A user's PATH often lacks the administrator's folders, where iptables and conntrack live.
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
export DEBIAN_FRONTEND=noninteractive

OTE_CACHE_DIR=${OTE_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/ote}

say()  { printf '%s\n' "$*" >&2; }
# One line: the thing, the cause, the next step.
fail() { printf 'ote: %s\n' "$*" >&2; exit 1; }

ote_children=()
# Ends what this script started and waits until it is gone (see bounded for how long at most); scripts put it in their EXIT trap.
end_children() {
  local child
  for child in "${ote_children[@]}"; do kill -TERM "$child" 2>/dev/null || true; done
  for child in "${ote_children[@]}"; do wait "$child" 2>/dev/null || true; done
  ote_children=()
}
# A signal ends the script by way of its EXIT trap, with the status shells give it.
trap 'exit 143' TERM
trap 'exit 130' INT

# attend WHAT COMMAND...   Runs COMMAND in the background and waits for it, so that a signal to this script is heard at once, saying each
# 30 seconds that WHAT (unless empty) still runs. Returns the command's status.
attend() {
  local what=$1 status=0 began=$SECONDS told=$SECONDS; shift
  "$@" </dev/null 8>&- &
  local child=$!
  ote_children+=("$child")
  while kill -0 "$child" 2>/dev/null; do
    sleep 0.2
    if [[ $what ]] && (( SECONDS - told >= 30 )); then told=$SECONDS; say "  still: $what ($((SECONDS - began)) s)"; fi
  done
  wait "$child" || status=$?
  ote_children=()
  return "$status"
}

# bounded SECONDS COMMAND...   Becomes COMMAND, which is ended with all it started after SECONDS, or when this script dies.
bounded() {
  local limit=$1; shift
  # timeout makes its command a process group of its own and passes TERM on to all of it.
  exec setpriv --pdeathsig TERM timeout --kill-after=20 "$limit" "$@"
}

# logged LOG COMMAND...   Runs COMMAND with all its output in LOG.
logged() {
  local log=$1; shift
  exec >"$log" 2>&1
  "$@"
}

# step WHAT SECONDS LOG COMMAND...   Attends to COMMAND, bounded, with its output in LOG; on failure shows the end of LOG.
step() {
  local what=$1 limit=$2 log=$3 status=0; shift 3
  say "$what ..."
  attend "$what" logged "$log" bounded "$limit" "$@" || status=$?
  if (( status != 0 )); then
    say "--- the last lines of $log"
    tail -n "${STEP_TAIL:-40}" "$log" >&2
    (( status == 124 )) && say "--- ended: $what took longer than $limit s"
  fi
  return "$status"
}

# with_lock FILE SECONDS WHAT   Holds FILE's lock on descriptor 8 until this script ends.
with_lock() {
  local file=$1 limit=$2 what=$3 waited=0
  mkdir -p "$(dirname "$file")" || fail "$(dirname "$file") cannot be written, so $what has no place; set OTE_CACHE to a writable folder"
  exec 8>"$file"
  until flock -w 20 8; do
    (( waited += 20 ))
    (( waited < limit )) || fail "$what is being made by another process for over $limit s ($file is locked); end that process and try again"
    say "  waiting: another process makes $what ($waited s)"
  done
}
