# Restores the newest backup to a scratch instance, up to one pinned transaction, asks it what it holds, removes it.
# Arguments: stanza, backup label, transaction. Alone: own directory and socket, no TCP, no archiving, no standby.
# Prints "word value" lines. Whatever happens, the scratch copy is stopped and removed.
set -u
umask 077
stanza=$1 backup=$2 xid=$3
bin=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
base=/var/lib/postgresql
exec 9>"$base/.rackproof-drill.lock"
flock -n 9 || { echo "trouble another drill is running"; exit 1; }
remove() {
  for old in "$base"/rackproof-drill.*; do
    [ -d "$old" ] || continue
    [ -f "$old/data/postmaster.pid" ] && "$bin/pg_ctl" -D "$old/data" -m immediate -w -t 20 stop >/dev/null 2>&1
    rm -rf "$old"
  done
}
remove
d=$(mktemp -d "$base/rackproof-drill.XXXXXX") || { echo "trouble no room for a scratch copy"; exit 1; }
finish() {
  remove
  if [ -e "$d" ]; then echo "cleaned no"; else echo "cleaned yes"; fi
}
trap finish EXIT
trap 'exit 1' HUP INT TERM
mkdir "$d/data" "$d/socket"
# The repository's own settings, without the database host: here the copy is local.
grep -v '^pg1-' /etc/pgbackrest.conf >"$d/pgbackrest.conf"
cat >"$d/postgresql.conf" <<CONF
data_directory = '$d/data'
hba_file = '$d/pg_hba.conf'
listen_addresses = ''
port = 54329
unix_socket_directories = '$d/socket'
archive_mode = off
hot_standby = off
max_connections = 50
max_wal_senders = 0
wal_level = minimal
shared_buffers = 32MB
fsync = off
log_destination = 'stderr'
CONF
echo 'local all all peer' >"$d/pg_hba.conf"
begun=$(date +%s)
echo "started $(date +%s.%N)"
pgbackrest --config="$d/pgbackrest.conf" --stanza="$stanza" --pg1-path="$d/data" --set="$backup" --type=xid \
  --target="$xid" --target-action=promote --archive-mode=off --log-level-console=warn --log-level-file=off restore \
  >"$d/restore.log" 2>&1 || { echo "trouble restore: $(tail -n 2 "$d/restore.log" | tr '\n' ' ' | cut -c1-300)"; exit 1; }
echo "restored $(date +%s.%N)"
"$bin/pg_ctl" -D "$d/data" -o "-c config_file=$d/postgresql.conf" -l "$d/server.log" -w -t 60 start >/dev/null 2>&1 9>&- || {
  echo "trouble start: $(grep -E 'FATAL|ERROR|PANIC' "$d/server.log" | tail -n 2 | tr '\n' ' ' | cut -c1-300)"; exit 1; }
# Without hot standby nobody is let in before the target is reached and the copy is promoted; a copy that dies is no copy.
until "$bin/pg_isready" -q -h "$d/socket" -p 54329; do
  "$bin/pg_ctl" -D "$d/data" status >/dev/null 2>&1 && [ "$(( $(date +%s) - begun ))" -lt 90 ] || {
    echo "trouble recovery: $(grep -E 'FATAL|ERROR|PANIC' "$d/server.log" | grep -v 'not accepting' | tail -n 1 | cut -c1-300)"
    exit 1; }
  sleep 0.1
done
echo "ready $(date +%s.%N)"
grep -E 'recovery stopping|last completed transaction' "$d/server.log" | sed 's/^/log /'
rows() { psql -XAtq -h "$d/socket" -p 54329 -d casework -c \
  "SELECT '$1 ' || count(*) || ' ' || md5(coalesce(string_agg(md5(r::text), '' ORDER BY r.id), '')) FROM $1 r"; }
ask() { # word for the answer, command: what it says on standard error is trouble, never part of an answer
  word=$1; shift
  if answer=$("$@" 2>"$d/ask.log"); then echo "$word $answer"; else echo "trouble $word: $(tail -n 1 "$d/ask.log" | cut -c1-300)"; fi; }
for table in cases evidence_items canary; do ask rows rows "$table"; done
ask newest psql -XAtq -h "$d/socket" -p 54329 -d casework -c 'SELECT extract(epoch FROM max(ts)) FROM canary'
"$bin/pg_dump" -h "$d/socket" -p 54329 -d casework >/dev/null 2>"$d/dump.log" && echo "dump ok" \
  || echo "trouble dump: $(tail -n 1 "$d/dump.log")"
"$bin/pg_ctl" -D "$d/data" -m fast -w -t 30 stop >/dev/null 2>&1
"$bin/pg_checksums" --check -D "$d/data" >"$d/sums.log" 2>"$d/sums.err" && echo "checksums $(grep -i 'bad checksums' "$d/sums.log" | tr -dc 0-9)" \
  || echo "trouble checksums: $(tail -n 1 "$d/sums.err")"
echo "ended $(date +%s.%N)"
