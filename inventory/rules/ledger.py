"""Plan numbers against the ledger, when the estate has one: none is changed, reused or taken back too early."""

from __future__ import annotations

from collections.abc import Iterator

from core.errors import Place, RackproofError
from core.refusals import say_refusal
from inventory.model.diagnostics import mistake
from inventory.numbering.ledger import FILE, compare, lost, read, used
from inventory.source.file_tracking import report_read
from inventory.source.parsed_estate import Draft


def check(draft: Draft) -> Iterator[RackproofError]:
    """Yield EST401 to EST407; EST043 when the ledger is lost; nothing for an estate that has none."""
    file = draft.folder / FILE
    if not file.exists():
        report_read(file, None)
        gone = lost(draft)
        if gone is not None:
            yield gone
        return
    days = draft.head.addressing.quarantine_days
    try:
        ledger = read(file, days)
    except RackproofError as error:
        yield error
    except PermissionError as error:
        yield RackproofError("FIL002", place=Place(file), actual=say_refusal(error))
    except OSError as error:
        yield mistake("EST001", Place(file), reason=say_refusal(error))
    else:
        yield from compare(ledger, used(draft), days)
