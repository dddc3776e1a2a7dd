"""One archived WAL segment disappears from the backup repository: recovery would stop there."""

import json
import re
from pathlib import PurePosixPath

from core.i18n import _
from inventory.model.fields import Text
from lab.faults.catalogue import LabFault
from lab.faults.tools import PROVISION, STATE_DIR, as_root, forget, nothing_to_break, recall, remember, wait_until
from lab.instance import Instance

NAME, REPOSITORY, PRIMARY = "wal-segment-missing", "dc-mgmt1", "dc-db1"
ARCHIVE = "/var/lib/pgbackrest/archive"
SEGMENT = re.compile(r"/([0-9A-F]{24})-[0-9a-f]{40}(?:\.[a-z0-9]+)?$")
#: One before and one after the missing one: a gap, not an end.
AROUND = 3
ARCHIVED_S = 60.0
MEND = '[ ! -e "$1" ] || mv "$1" "$2"; rmdir "$(dirname "$1")" 2>/dev/null || true'


def _make(instance: Instance) -> None:
    if len(_segments(instance)) < AROUND:
        _write_more(instance)
    path = PurePosixPath(_segments(instance)[-2])
    kept = f"{STATE_DIR}/{path.name}"
    remember(instance, NAME, {"path": str(path), "kept": kept})
    as_root(instance, REPOSITORY, ["install", "-d", "-m", "0700", STATE_DIR])
    as_root(instance, REPOSITORY, ["mv", str(path), kept])
    _go_on(instance)


def _mend(instance: Instance) -> None:
    saved = recall(instance, NAME)
    if saved is None:
        return
    # An interrupted break may have left the original where it was.
    as_root(instance, REPOSITORY, ["sh", "-c", MEND, "mend", saved["kept"], saved["path"]])
    as_root(instance, REPOSITORY, ["test", "-f", saved["path"]])
    forget(instance, NAME)


def _segments(instance: Instance) -> list[str]:
    """Return the files of the segments archived since the newest backup ended, oldest first."""
    info = json.loads(as_root(instance, REPOSITORY, ["sudo", "-u", "postgres", "pgbackrest", "--output=json", "info"]))
    if not info or not info[0]["backup"]:
        raise nothing_to_break(_("there is no backup yet"), PROVISION)
    last = info[0]["backup"][-1]["archive"]["stop"]
    found = as_root(instance, REPOSITORY, ["find", ARCHIVE, "-type", "f"]).splitlines()
    named = {match.group(1): path for path in found if (match := SEGMENT.search(path))}
    return [named[name] for name in sorted(named) if name > last]


def _go_on(instance: Instance) -> None:
    """Let the primary commit and archive something beyond the gap: only then must a recovery cross it."""
    newest = _segments(instance)[-1]
    as_root(instance, PRIMARY, ["systemctl", "start", "rackproof-canary.service"])
    # A restore aims at what was committed well before the newest archived segment was closed.
    as_root(instance, PRIMARY, ["sleep", "2"])
    as_root(instance, PRIMARY, ["sudo", "-u", "postgres", "psql", "-XAtqc", "select pg_switch_wal()"])
    wait_until(lambda: _segments(instance)[-1] != newest, "WAL beyond the gap archived", ARCHIVED_S)


def _write_more(instance: Instance) -> None:
    """Let the primary fill and archive a few more segments."""
    for number in range(AROUND):
        sql = f"select pg_create_restore_point('lab-{number}'); select pg_switch_wal()"
        as_root(instance, PRIMARY, ["sudo", "-u", "postgres", "psql", "-XAtqc", sql])
    wait_until(lambda: len(_segments(instance)) >= AROUND, "WAL segments archived", ARCHIVED_S)


FAULT = LabFault(
    NAME,
    Text(
        en="one archived WAL segment is deleted from the backup repository on dc-mgmt1",
        vi="một phân đoạn WAL đã lưu bị xóa khỏi kho sao lưu trên dc-mgmt1",
    ),
    _make,
    _mend,
)
