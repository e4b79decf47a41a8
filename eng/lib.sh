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
# Ends what step and spawn started; scripts put it in their EXIT trap.
end_children() {
  local child
  for child in "${ote_children[@]}"; do kill -TERM "$child" 2>/dev/null || true; done
  ote_children=()
}

# step WHAT SECONDS LOG COMMAND...   Runs COMMAND with its output in LOG, says so at least each 30 seconds, ends it
# after SECONDS or when this script dies. On failure the end of LOG is shown and the command's status returned.
step() {
  local what=$1 limit=$2 log=$3 status=0; shift 3
  local began=$SECONDS told=$SECONDS
  say "$what ..."
  # timeout makes its command a process group of its own and passes TERM on to all of it.
  setpriv --pdeathsig TERM timeout --kill-after=15 "$limit" "$@" >"$log" 2>&1 </dev/null &
  local child=$!
  ote_children+=("$child")
  while kill -0 "$child" 2>/dev/null; do
    sleep 0.3
    if (( SECONDS - told >= 30 )); then told=$SECONDS; say "  still: $what ($((SECONDS - began)) s)"; fi
  done
  wait "$child" || status=$?
  ote_children=("${ote_children[@]/$child}")
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
