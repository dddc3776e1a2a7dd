"""The store of verdicts: SQLAlchemy Core over an embedded SQLite file or PostgreSQL by URL."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url

from core.errors import Place, RackproofError
from core.files import make_folder

#: What SQLite says of its file → our code. The shared memory of WAL is a file too: it cannot grow on a full disk.
SQLITE_REFUSALS = {
    sqlite3.SQLITE_FULL: "FIL001",
    sqlite3.SQLITE_IOERR_SHMSIZE: "FIL001",
    sqlite3.SQLITE_READONLY: "FIL002",
    sqlite3.SQLITE_CANTOPEN: "FIL002",
}
#: An extended result code carries the primary one in its low byte.
PRIMARY_CODE = 0xFF


def open_store(url: str) -> Engine:
    """Return an engine for ``url``; SQLite files are opened in WAL mode with full synchronisation.

    ``synchronous=FULL`` because a verdict that was acknowledged must survive a power cut.
    What the system refuses of the SQLite file comes as RackproofError FIL001 (disk full) or FIL002 (no right).
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    file = Path(parsed.database or "")
    if parsed.database:
        make_folder(file.parent)
    engine = create_engine(url)
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "handle_error", lambda context: _describe_refusal(file, context.original_exception))
    return engine


def _describe_refusal(file: Path, error: BaseException) -> None:
    number = getattr(error, "sqlite_errorcode", None)
    if number is None:
        return
    code = SQLITE_REFUSALS.get(number) or SQLITE_REFUSALS.get(number & PRIMARY_CODE)
    if code is not None:
        raise RackproofError(code, place=Place(file), actual=error) from error


def _configure_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
