"""The history of verdicts on a real PostgreSQL: the same promises as on SQLite, through the URL a user would give."""

import os
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine.base import Engine
from sqlalchemy.exc import OperationalError

from checks.model import Message, Status, Verdict
from checks.watch.history import History, find_unexplained
from core.store import open_store
from lab import image

pytestmark = pytest.mark.lab
START = datetime(2026, 11, 22, 1, 0, 0, tzinfo=UTC)
SERVER = (
    "/usr/lib/postgresql/15/bin/initdb -D /tmp/data -A trust -U rackproof >/dev/null && "
    "exec /usr/lib/postgresql/15/bin/postgres -D /tmp/data -k /socket -c listen_addresses="
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A PostgreSQL of the lab's image, in a container of its own, reached over a Unix socket only."""
    socket = tmp_path_factory.mktemp("socket")
    socket.chmod(0o777)
    argv = [
        "systemd-nspawn",
        "--quiet",
        "--register=no",
        "--keep-unit",
        "--volatile=overlay",
        "--private-network",
        f"--machine=rp-store-{os.getpid()}",
        "-D",
        str(image.ensure()),
        f"--bind={socket}:/socket",
        "--as-pid2",
        "--user=postgres",
        "--console=pipe",
        "/bin/sh",
        "-c",
        SERVER,
    ]
    log = tmp_path_factory.mktemp("log") / "server.log"
    with (
        log.open("wb") as stream,
        subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream) as server,
    ):
        try:
            engine = open_store(f"postgresql+psycopg://rackproof@/postgres?host={socket}")
            _wait_for(engine, server, log)
            yield engine
            engine.dispose()
        finally:
            server.terminate()


def _wait_for(engine: Engine, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with engine.connect() as connection:
                connection.execute(text("select 1"))
            return
        except OperationalError:
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, "PostgreSQL did not answer in 60 s"
            time.sleep(0.3)


def _verdict(site: str, at: datetime, status: Status = Status.PASS) -> Verdict:
    return Verdict(
        "QH-X",
        site,
        None,
        status,
        Message.of("judge.nothing"),
        (),
        None,
        (),
        at.isoformat(),
        (at + timedelta(seconds=900)).isoformat(),
        "test",
        "0" * 64,
    )


def _record(history: History, minute: int, status: Status = Status.PASS) -> list[str]:
    at = START + timedelta(minutes=minute)
    slots = {"QH-X": (at.timestamp(), 60.0)}
    return history.record(slots, f"run-{minute}-{status}", (at, at), [_verdict("dc", at, status), _verdict("dr", at)])


def test_a_slot_is_written_once_and_the_first_writer_wins(store: Engine) -> None:
    history = History(store)
    assert _record(history, 0) == ["QH-X"]
    assert _record(History(store), 0, Status.FAIL) == []
    assert {row["status"] for row in history.verdicts("QH-X", None, 10)} == {"pass"}


def test_gaps_are_found_and_explained(store: Engine) -> None:
    history = History(store)
    _record(history, 3)
    missing = [(START + timedelta(minutes=m)).timestamp() for m in (1, 2)]
    assert find_unexplained(history, "QH-X", 60) == missing
    history.note_gap("QH-X", (missing[0], missing[1]), "not running", START)
    assert find_unexplained(history, "QH-X", 60) == []


def test_the_newest_verdict_grows_stale(store: Engine) -> None:
    newest = {row.site: row for row in History(store).latest()}
    assert newest["dc"].at(START + timedelta(minutes=4)) is Status.PASS
    assert newest["dc"].at(START + timedelta(hours=1)) is Status.STALE
