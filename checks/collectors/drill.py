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

from checks.capture import captured
from checks.collectors.ssh import Answer, Command, run_batch
from checks.collectors.sweep import Job, Sweep
from checks.drills import COLLECTOR, forget_drill, keep_drill
from checks.model import Captured, Outcome
from inventory.model import Device

HERE = Path(__file__).resolve().parent
STANZA = "casework"
AS_POSTGRES = "cd / && sudo -n -u postgres "
INFO = AS_POSTGRES + f"pgbackrest --stanza={STANZA} --output=json info"
SWITCH = AS_POSTGRES + r"""sh -c '
wal=$(psql -XAtq -d casework -c "SELECT pg_walfile_name(pg_switch_wal())")
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  last=$(psql -XAtq -c "SELECT left(last_archived_wal, 24) FROM pg_stat_archiver")
  [ "$last" \< "$wal" ] || { sleep 1.1; exit 0; }
  sleep 0.5
done
exit 1'"""  # noqa: S608 - no value is put into it
EXPECT_S, RESTORE_S = 35, 120


def plan_drill(sweep: Sweep) -> Iterable[Job]:
    """Return the one job of the drill, when there is a database to restore and a repository to restore it from."""
    sources, repositories = sweep.by_role("database-primary"), sweep.by_role("management")
    if COLLECTOR in sweep.collectors and sources and repositories:
        yield lambda: run_drill(sweep, sources[0], repositories[0])


def run_drill(sweep: Sweep, source: Device, repository: Device) -> list[Captured]:
    """Do one drill and keep its evidence."""
    forget_drill(sweep.ws)
    label, stop, info = _newest_backup(sweep, repository)
    if not label:
        none = [_evidence(sweep, repository, "restore", INFO, _worded(info, "trouble there is no backup to restore"))]
        keep_drill(sweep.ws, none)
        return none
    expect, source_text = _expectation(sweep, source, label, stop)
    found = [_evidence(sweep, source, "expectation", source_text, expect)]
    xid = _xid(expect)
    if xid:
        command = _restore_command(label, xid)
        answer = run_batch(sweep.ws.ssh_config, repository.name, [Command(command, RESTORE_S)])[0]
        found.append(_evidence(sweep, repository, "restore", command, answer))
    else:
        found.append(_evidence(sweep, repository, "restore", "-", _worded(expect, "trouble no moment to restore to")))
    keep_drill(sweep.ws, found)
    return found


def _newest_backup(sweep: Sweep, repository: Device) -> tuple[str, float, Answer]:
    answer = run_batch(sweep.ws.ssh_config, repository.name, [Command(INFO, 15)])[0]
    try:
        newest = json.loads(answer.stdout)[0]["backup"][-1]
        return str(newest["label"]), float(newest["timestamp"]["stop"]), answer
    except (ValueError, LookupError, TypeError):
        return "", 0.0, answer


def _expectation(sweep: Sweep, source: Device, label: str, stop: float) -> tuple[Answer, str]:
    """Return what the source holds at the newest archived moment; asked twice when the archive is not there yet."""
    sql = (HERE / "drill_expect.sql").read_text(encoding="utf-8")
    psql = f"psql -XAtq -d casework -v ON_ERROR_STOP=1 -v backup={shlex.quote(label)} -v backup_stop={stop:.0f}"
    ask = f"{AS_POSTGRES}{psql} <<'SQL'\n{sql}\nSQL"
    first = run_batch(sweep.ws.ssh_config, source.name, [Command(ask, EXPECT_S)])[0]
    if first.trouble or first.exit_code or _xid(first):
        return first, ask
    both = run_batch(sweep.ws.ssh_config, source.name, [Command(SWITCH, 30), Command(ask, EXPECT_S)])
    return both[1], f"{SWITCH}\n{ask}"


def _xid(answer: Answer) -> str:
    try:
        xid = str(json.loads(answer.stdout)["xid"] or "")
    except (ValueError, LookupError, TypeError):
        return ""
    return xid if xid.isdigit() else ""


def _restore_command(label: str, xid: str) -> str:
    script = (HERE / "drill_restore.sh").read_text(encoding="utf-8")
    return f"{AS_POSTGRES}sh -c {shlex.quote(script)} drill {STANZA} {shlex.quote(label)} {xid}"


def _worded(answer: Answer, text: str) -> Answer:
    """Return an answer that says in the drill's own words why there was nothing to do."""
    if answer.unreachable:
        return answer
    said = answer.raw.decode("utf-8", errors="replace").strip().splitlines()
    more = f": {said[-1][:200]}" if answer.exit_code and said else ""
    return Answer(answer.exit_code, f"{text}{more}\ncleaned yes\n".encode(), b"", answer.started, answer.ended)


def _evidence(sweep: Sweep, device: Device, key: str, source: str, answer: Answer) -> Captured:
    outcome, raw = Outcome.COLLECTED, answer.raw
    if answer.trouble:
        outcome = Outcome.UNREACHABLE if answer.unreachable else Outcome.TIMEOUT
        raw = answer.trouble.encode()
    return captured(
        (sweep.estate.site_of[device.name], device.name), (COLLECTOR, key), source, raw,
        (answer.started, answer.ended), outcome=outcome, exit_code=None if answer.trouble else answer.exit_code,
        tool="pgbackrest, postgresql-15", tool_version="-",
    )
