"""The restore drill: what the source holds at a pinned moment, and what a restored copy holds.

Changes nothing that serves anybody: the copy lives in its own directory with its own socket on the repository host and
is removed again. When the archive covers no transaction after the newest backup yet, the source is asked to close its
present WAL segment (what ``pgbackrest check`` does too) and the evidence says so.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from pathlib import Path

from checks.collect.capture import capture_evidence
from checks.collect.hosts import UNKNOWN, VERSIONS, read_versions
from checks.collect.last_drill import COLLECTOR, forget_drill, keep_drill, name_lock_file
from checks.collect.sweep import Job, Sweep
from checks.model import Captured
from checks.ssh import ShellAnswer, ShellCommand, run_batch
from core import locks
from inventory.model.entities import Device

HERE = Path(__file__).resolve().parent
STANZA = "casework"
PGBACKREST, POSTGRESQL = "pgbackrest", "postgresql-15"  # Debian packages
AS_POSTGRES = "cd / && sudo -n -u postgres "
INFO = AS_POSTGRES + f"pgbackrest --stanza={STANZA} --output=json info"
_SWITCH_AND_WAIT = r"""sh -c '
wal=$(psql -XAtq -d casework -c "SELECT pg_walfile_name(pg_switch_wal())")
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  last=$(psql -XAtq -c "SELECT left(last_archived_wal, 24) FROM pg_stat_archiver")
  [ "$last" \< "$wal" ] || { sleep 1.1; exit 0; }
  sleep 0.5
done
exit 1'"""
SWITCH = AS_POSTGRES + _SWITCH_AND_WAIT
EXPECT_S, RESTORE_S = 35, 120


def plan_drill(sweep: Sweep) -> Iterable[Job]:
    """Return the one job of the drill, when there is a database to restore and a repository to restore it from."""
    sources, repositories = sweep.by_role("database-primary"), sweep.by_role("management")
    if COLLECTOR in sweep.collectors and sources and repositories:
        yield lambda: run_drill(sweep, sources[0], repositories[0])


def run_drill(sweep: Sweep, source: Device, repository: Device) -> list[Captured]:
    """Do one drill and keep its evidence; one at a time, for both would restore into the same scratch folder."""
    with locks.hold(name_lock_file(sweep.ws), "restoring a backup to a scratch instance", wait=True):
        return run_drill_alone(sweep, source, repository)


def run_drill_alone(sweep: Sweep, source: Device, repository: Device) -> list[Captured]:
    """Do one drill while nobody else does one: the newest backup, what the source holds, what a copy of it holds."""
    forget_drill(sweep.ws)
    label, stop, info, pgbackrest = find_newest_backup(sweep, repository)
    if not label:
        worded = explain_no_drill(info, "trouble there is no backup to restore")
        none = [capture_answer(sweep, repository, "restore", INFO, worded, (PGBACKREST, pgbackrest))]
        keep_drill(sweep.ws, none)
        return none
    expect, source_text, postgresql = ask_expectation(sweep, source, label, stop)
    found = [capture_answer(sweep, source, "expectation", source_text, expect, (POSTGRESQL, postgresql))]
    xid = read_transaction(expect)
    if xid:
        command = make_restore_command(label, xid)
        answer = run_batch(sweep.ws.ssh_config, repository.name, [ShellCommand(command, RESTORE_S)])[0]
        found.append(capture_answer(sweep, repository, "restore", command, answer, (PGBACKREST, pgbackrest)))
    else:
        worded = explain_no_drill(expect, "trouble no moment to restore to")
        found.append(capture_answer(sweep, repository, "restore", "-", worded, (PGBACKREST, pgbackrest)))
    keep_drill(sweep.ws, found)
    return found


def find_newest_backup(sweep: Sweep, repository: Device) -> tuple[str, float, ShellAnswer, str]:
    """Return the newest backup: label (empty: there is none), end (Unix time), the answer, the version of the tool."""
    asked = [ShellCommand(VERSIONS + PGBACKREST), ShellCommand(INFO, 15)]
    versions, answer = run_batch(sweep.ws.ssh_config, repository.name, asked)
    version = read_versions(versions).get(PGBACKREST, UNKNOWN)
    try:
        newest = json.loads(answer.stdout)[0]["backup"][-1]
        return str(newest["label"]), float(newest["timestamp"]["stop"]), answer, version
    except (ValueError, LookupError, TypeError):
        return "", 0.0, answer, version


def ask_expectation(sweep: Sweep, source: Device, label: str, stop: float) -> tuple[ShellAnswer, str, str]:
    """Return what the source holds at the newest archived moment; asked twice when the archive is not there yet."""
    sql = (HERE / "drill_expect.sql").read_text(encoding="utf-8")
    psql = f"psql -XAtq -d casework -v ON_ERROR_STOP=1 -v backup={shlex.quote(label)} -v backup_stop={stop:.0f}"
    ask = f"{AS_POSTGRES}{psql} <<'SQL'\n{sql}\nSQL"
    asked = [ShellCommand(VERSIONS + POSTGRESQL), ShellCommand(ask, EXPECT_S)]
    versions, first = run_batch(sweep.ws.ssh_config, source.name, asked)
    version = read_versions(versions).get(POSTGRESQL, UNKNOWN)
    if first.trouble or first.exit_code or read_transaction(first):
        return first, ask, version
    both = run_batch(sweep.ws.ssh_config, source.name, [ShellCommand(SWITCH, 30), ShellCommand(ask, EXPECT_S)])
    return both[1], f"{SWITCH}\n{ask}", version


def read_transaction(answer: ShellAnswer) -> str:
    """Return the transaction to restore to, from what the source answered; empty when the archive covers none yet."""
    try:
        xid = str(json.loads(answer.stdout)["xid"] or "")
    except (ValueError, LookupError, TypeError):
        return ""
    return xid if xid.isdigit() else ""


def make_restore_command(label: str, xid: str) -> str:
    """Return the command that restores a backup up to a transaction into a scratch folder and reads what it holds."""
    script = (HERE / "drill_restore.sh").read_text(encoding="utf-8")
    return f"{AS_POSTGRES}sh -c {shlex.quote(script)} drill {STANZA} {shlex.quote(label)} {xid}"


def explain_no_drill(answer: ShellAnswer, text: str) -> ShellAnswer:
    """Return an answer that says in the drill's own words why there was nothing to do."""
    if answer.unreachable:
        return answer
    said = answer.raw.decode("utf-8", errors="replace").strip().splitlines()
    more = f": {said[-1][:200]}" if answer.exit_code and said else ""
    return ShellAnswer(answer.exit_code, f"{text}{more}\ncleaned yes\n".encode(), b"", answer.started, answer.ended)


def capture_answer(
    sweep: Sweep, device: Device, key: str, source: str, answer: ShellAnswer, tool: tuple[str, str]
) -> Captured:
    """Make the evidence of one answer; trouble on the way is evidence of trouble."""
    raw = answer.trouble.encode() if answer.trouble else answer.raw
    return capture_evidence(
        (sweep.estate.site_of[device.name], device.name),
        (COLLECTOR, key),
        source,
        raw,
        (answer.started, answer.ended),
        outcome=answer.outcome,
        exit_code=None if answer.trouble else answer.exit_code,
        tool=tool[0],
        tool_version=tool[1],
    )
