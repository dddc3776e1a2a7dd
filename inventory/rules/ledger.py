"""Plan numbers against the ledger, when the estate has one: none is changed, reused or taken back too early."""

from __future__ import annotations

from collections.abc import Iterator

from core.errors import Place, RackproofError
from inventory.draft import Draft
from inventory.ledger import FILE, compare, lost, read, used
from inventory.mistakes import mistake


def check(draft: Draft) -> Iterator[RackproofError]:
    """Yield EST401 to EST407; EST043 when the ledger is lost; nothing for an estate that has none."""
    file = draft.folder / FILE
    if not file.exists():
        gone = lost(draft)
        if gone is not None:
            yield gone
        return
    days = draft.head.addressing.quarantine_days
    try:
        ledger = read(file, days)
    except RackproofError as error:
        yield error
    except OSError as error:
        yield mistake("EST001", Place(file), reason=error.strerror)
    else:
        yield from compare(ledger, used(draft), days)
