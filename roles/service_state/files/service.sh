#!/bin/sh
# Brings one systemd unit to what its files say and proves that it stays there. Both engines give it to `sh -s`.
#
#   service.sh MODE UNIT SETTLE_S PATIENCE_S CHANGED READS REREADS LISTENS ANSWERS
#
# MODE      ask: print a line for everything that mend would do; changes nothing.
#           mend: do it, wait until the unit has settled, and fail with the reason unless everything below is true then.
# CHANGED   files that this run changes: in a plan they are not written yet.
# READS     files and folders that the unit reads when it starts: one of them newer than the start asks for a restart.
# REREADS   the same for what a reload is enough for.
# LISTENS   sockets such as tcp:9100 or udp:[fd52::1]:161; a process of the unit itself must have them.
# ANSWERS   a command that ends with 0 when the service does its work; empty where nothing can be asked.
#
# Nothing is remembered between runs: what a run that was broken off has left undone is seen by comparing the files
# (by the time their inode changed, which no tool can set back) with the start of what runs. Words are separated by
# blanks; no path of ours has one.
set -uf
LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/sbin:/sbin
mode=$1 unit=$2 settle=$3 patience=$4 changed=$5 reads=$6 rereads=$7 listens=$8 answers=$9

ask_systemd() {
  state=$(systemctl show --timestamp=us+utc --property=LoadState,ActiveState,SubState,Result,UnitFileState \
    --property=NeedDaemonReload,InactiveExitTimestamp,StateChangeTimestamp,DropInPaths,FragmentPath \
    --property=InvocationID,ExecStart -- "$unit" 2>/dev/null)
}

value() {
  printf '%s\n' "$state" | sed -n "s/^$1=//p"
}

# Prints the first of the given paths that this run changes, or that is newer than SINCE.
find_newer() {
  since=$1
  shift
  for path in "$@"; do
    for new in $changed; do
      case $new in "$path" | "$path"/*) echo "$new changes" && return ;; esac
    done
  done
  [ $# -eq 0 ] || find "$@" -newerct "$since" -printf '%p is newer than what runs\n' -quit 2>/dev/null
}

# Drop-ins and unit files of the administrator; those of a package come with the package's own restart.
list_unit_files() {
  for path in $(value FragmentPath) $(value DropInPaths); do
    case $path in /etc/*) echo "$path" ;; esac
  done
}

# A socket counts only when a process of this very unit has it.
has_socket() {
  family=${1%%:*}
  ss -Hlnp "--$family" | awk -v wanted="${1#*:}" '
    { here = $4; port = here; sub(/.*:/, "", port); asked = wanted; sub(/.*:/, "", asked)
      if (port == asked && (wanted == asked || here == wanted || here ~ /^(\*|0\.0\.0\.0|\[::\]):/)) print }' |
    grep -o 'pid=[0-9]*' | cut -d= -f2 | sort -u | while read -r pid; do
    grep -qF "/$unit" "/proc/$pid/cgroup" 2>/dev/null && echo found
  done | grep -q found
}

does_answer() {
  [ -z "$answers" ] || timeout 10 sh -c "$answers" >/dev/null 2>&1
}

# Prints `verb: reason` for everything that is not as it should be; nothing when all is well.
examine() {
  ask_systemd
  case $(value LoadState) in
    loaded) ;;
    masked) echo "unmask: it is masked" ;;
    *) echo "missing: systemd does not know it (${state:-no answer from systemd})" | head -n 1 && return ;;
  esac
  case $(value UnitFileState) in
    enabled) ;;
    *) echo "enable: it is '$(value UnitFileState)' and would not start at boot" ;;
  esac
  case $(value ActiveState) in
    active | reloading) examine_running ;;
    *) echo "start: it is $(value ActiveState) ($(value SubState), $(value Result))" ;;
  esac
}

examine_running() {
  # shellcheck disable=SC2046,SC2086 # lists of words, see above
  reason=$(find_newer "$(value InactiveExitTimestamp)" $reads $(list_unit_files))
  if [ "$(value NeedDaemonReload)" = yes ]; then reason="its unit file changed"; fi
  if [ -n "$reason" ]; then echo "restart: $reason" && return; fi
  # shellcheck disable=SC2086
  reason=$(find_newer "$(value StateChangeTimestamp)" $rereads)
  if [ -n "$reason" ]; then echo "reload: $reason" && return; fi
  for socket in $listens; do
    if ! has_socket "$socket"; then echo "restart: it does not listen at $socket" && return; fi
  done
  if ! does_answer; then echo "restart: it does not answer ($answers)"; fi
}

do_step() {
  case $1 in
    unmask) systemctl unmask "$unit" ;;
    enable) systemctl enable --quiet "$unit" ;;
    reload) systemctl reload "$unit" ;;
    start | restart) systemctl reset-failed "$unit" 2>/dev/null; systemctl daemon-reload; systemctl "$1" "$unit" ;;
    *) return 1 ;;
  esac
}

complain() {
  echo "$unit: $1" >&2
  ask_systemd
  echo "it runs: $(value ExecStart | sed -n 's/.*argv\[\]=\([^;]*\) ;.*/\1/p' | head -n 1) (unit files: $(value FragmentPath) $(value DropInPaths))" >&2
  journalctl --no-pager --quiet --output=cat --unit="$unit" --lines=5 >&2 2>/dev/null
  exit 1
}

found=$(examine)
[ -z "$found" ] || printf '%s\n' "$found" | sed "s/^\([a-z]*\):/\1 $unit:/"
if [ "$mode" = ask ] || [ -z "$found" ]; then exit 0; fi

for step in $(printf '%s\n' "$found" | sed 's/:.*//'); do
  do_step "$step" || complain "could not ${step}: $(printf '%s\n' "$found" | sed -n "s/^$step: //p")"
done
# A unit that was masked is now known by its real state: what that asks for is done as well.
changed=
for step in $(examine | sed -n 's/^\(enable\|start\):.*/\1/p'); do do_step "$step"; done

# "Started" is not enough: it is read again after its settle time, and it must be the same invocation that lives then.
ask_systemd
invocation=$(value InvocationID)
sleep "$settle"
waited=0
left=$(examine)
case $left in *"start: it is failed"*) patience=0 ;; esac # nothing will come of it
while [ -n "$left" ] && [ "$waited" -lt "$patience" ]; do
  sleep 1
  waited=$((waited + 1))
  left=$(examine)
done
[ -z "$left" ] || complain "not as it should be $((settle + waited)) s after its start: $(echo "$left" | sed -n '1s/^[a-z]*: //p')"
ask_systemd
[ "$(value InvocationID)" = "$invocation" ] || complain "it ended after its start and was started again by systemd"
