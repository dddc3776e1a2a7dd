#!/bin/sh
# The dead man's switch of sshd: the host undoes a change by itself unless a new connection comes in after the reload.
# Both engines give it to `sh -s`.
#
#   switch.sh remember           keep a copy of the settings that sshd runs with, while it is known to run with them
#   switch.sh is-old             print "old" when that copy has to be made anew
#   switch.sh check FACTS ADDRS USERS  fail when sshd would treat one of USERS, coming from one of ADDRS, differently
#   switch.sh reload SECONDS     arm the timer that puts that copy back, then let sshd read its files
#   switch.sh disarm             the new connection came in: stop the timer; fails when it has fired already
set -uf
LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/sbin:/sbin
drop_in=/etc/ssh/sshd_config.d/10-rackproof.conf
proven=/var/lib/rackproof/sshd/10-rackproof.conf
timer=rackproof-ssh-rollback.timer

is_kept() {
  if [ -e "$drop_in" ]; then cmp -s "$drop_in" "$proven"; else [ ! -e "$proven" ]; fi
}

keep_proven() {
  if is_kept; then return; fi
  if [ -e "$drop_in" ]; then install -D -p -m 600 "$drop_in" "$proven"; else rm -f "$proven"; fi
}

runs_with_its_files() {
  since=$(systemctl show --timestamp=us+utc --property=StateChangeTimestamp --value ssh.service)
  [ -n "$since" ] || return 1
  [ -z "$(find /etc/ssh/sshd_config /etc/ssh/sshd_config.d -newerct "$since" -print -quit)" ]
}

check_one() {
  effective=$(sshd -T -C "user=$1,host=$2,addr=$2" 2>/dev/null) || {
    echo "sshd -T: $(sshd -T -C "user=$1,host=$2,addr=$2" 2>&1 >/dev/null | head -n 1)" >&2; return 1; }
  bad=
  # One `keyword=value` a word; a value of sshd's own has no blank here.
  for fact in $facts; do
    keyword=${fact%%=*}
    printf '%s\n' "$effective" | grep -qixF -- "$keyword ${fact#*=}" && continue
    bad="$bad, $(printf '%s\n' "$effective" | grep -i "^$keyword " | head -n 1) (wanted: ${fact#*=})"
  done
  [ -z "$bad" ] || { echo "for $1 coming from $2 sshd would have${bad#,}: look for a Match block in /etc/ssh" >&2; return 1; }
}

# The sockets sshd listens on, by inode; it makes new ones when it has read its files anew.
listening() {
  find "/proc/$(systemctl show --property=MainPID --value ssh.service)/fd" -lname 'socket:*' -printf '%l\n' 2>/dev/null |
    tr -dc '0-9\n' | while read -r inode; do
      awk -v inode="$inode" '$4 == "0A" && $10 == inode { print inode }' /proc/net/tcp /proc/net/tcp6
    done
}

# Returns when new connections are answered by an sshd that has read its files: not refused because it is on its way,
# and not let in by the one before.
reload_sshd() {
  before=$(listening)
  systemctl reload ssh.service || return 1
  tries=0
  while now=$(listening); [ -z "$now" ] || [ "$now" = "$before" ]; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || { echo "sshd does not listen anew after it was told to reload" >&2; return 1; }
    sleep 0.1
  done
}

case $1 in
  remember)
    if runs_with_its_files; then keep_proven; fi
    ;;
  is-old)
    if runs_with_its_files && ! is_kept; then echo old; fi
    ;;
  check)
    facts=$2
    failed=0
    for user in $4; do
      for address in $3; do
        check_one "$user" "$address" || { failed=1; break; }
      done
    done
    exit $failed
    ;;
  reload)
    systemctl stop "$timer" 2>/dev/null
    undo="if [ -e $proven ]; then cp -p $proven $drop_in; chmod 644 $drop_in; else rm -f $drop_in; fi; systemctl reload ssh.service"
    systemd-run --quiet --collect --unit="${timer%.timer}" --on-active="$2" /bin/sh -ec "$undo" || exit 1
    reload_sshd
    ;;
  disarm)
    systemctl is-active --quiet "$timer" || { echo "the settings were put back already: the proof came too late" >&2; exit 1; }
    systemctl stop "$timer" || exit 1
    keep_proven
    ;;
esac
