"""The ledger of plan numbers: ``allocations.jsonl``, append-only, every line chained to the one before it.

A number (of a region, a site in it, a VLAN of a site, a link, a loopback, an anycast address) is *given* to an owner,
and *retired* when that is gone. A ``subnet`` is the 32 bits that the plan makes of a VLAN (``1f01:106e``): it is the
site's, and another when the zone of the VLAN changes or it goes to the management block.

A number may be given to somebody else only after its quarantine, so that no address of today means another thing
tomorrow. The same owner may have it back at any time. The chain shows an altered or missing line; that lines at the end
are not cut off is what git review and ``ledger check --since REV`` are for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path

from core.errors import Place, RackproofError
from core.files import FileTooLargeError, NotRegularFileError, append_whole, describe_refusal, read_regular_file
from inventory.model import ipv6
from inventory.model.diagnostics import mistake
from inventory.model.entities import Site, Vlan
from inventory.source.file_tracking import report_read
from inventory.source.parsed_estate import Draft

FILE = "allocations.jsonl"
GENESIS = "0" * 64
KINDS = ("region", "site", "vlan", "subnet", "link", "loopback", "anycast")
STATES = ("given", "retired")
_KEYS = {"kind", "id", "owner", "date", "state", "hash"}
_LIMIT = 32 * 1024 * 1024
Number = tuple[str, str]  # kind, id
Use = tuple[str, Callable[[], Place]]  # owner, and where the estate writes the number


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One line: what happened to a number on a day. ``line`` is its place in the file."""

    kind: str
    id: str
    owner: str
    date: date
    state: str
    line: int = 0

    def text(self, previous: str) -> tuple[str, str]:
        """Return the line as written after the line with hash ``previous``, and its own hash."""
        record = {"kind": self.kind, "id": self.id, "owner": self.owner, "date": str(self.date), "state": self.state}
        body = json.dumps(record, ensure_ascii=False, sort_keys=True)
        digest = hashlib.sha256(f"{previous}{body}".encode()).hexdigest()
        return json.dumps({**record, "hash": digest}, ensure_ascii=False), digest


@dataclass(frozen=True, slots=True)
class Ledger:
    """A read ledger: the last entry of every number, and the hash and date that the next line goes on from."""

    file: Path
    latest: dict[Number, LedgerEntry]
    entries: int
    hash: str
    date: date


def used(draft: Draft) -> dict[Number, Use]:
    """Return every number an estate uses, with its owner and a function that tells where it is written."""
    found: dict[Number, Use] = {}
    for place in draft.sites:
        site = place.site
        at = place.place
        found.setdefault(("region", str(site.region)), (site.province, partial(at, "region")))
        found.setdefault(("site", f"{site.region}.{site.number}"), (site.site, partial(at, "number")))
        for index, vlan in enumerate(site.vlans):
            key = ("vlan", f"{site.region}.{site.number}.{vlan.id}")
            found.setdefault(key, (f"{site.site} {vlan.name}", partial(at, "vlans", index, "id")))
            found.setdefault(("subnet", _subnet(draft, site, vlan)), (site.site, partial(at, "vlans", index)))
        for index, device in enumerate(site.devices):
            if device.loopback is not None:
                key = ("loopback", f"{site.region}.{device.loopback}")
                found.setdefault(key, (device.name, partial(at, "devices", index, "loopback")))
    for item in draft.links:
        ends = " ".join(sorted((item.link.a.device, item.link.b.device)))
        found.setdefault(("link", str(item.link.id)), (ends, partial(item.place, "id")))
    for index, service in enumerate(draft.services):
        if service.anycast is not None:
            where = partial(draft.service_place, "services", index, "anycast")
            found.setdefault(("anycast", str(service.anycast)), (service.name, where))
    return found


def _subnet(draft: Draft, site: Site, vlan: Vlan) -> str:
    """Return what a VLAN's /64 is inside the estate's /32; the /32 itself may be another one day."""
    plan = draft.head.addressing.ipv6_prefix
    if vlan.management:
        return ipv6.name_subnet(ipv6.management_prefix(plan, site.region, site.number))
    return ipv6.name_subnet(ipv6.vlan_prefix(plan, site.region, site.number, vlan.zone, vlan.id))


def lost(draft: Draft) -> RackproofError | None:
    """Return EST043 when ``estate.yml`` says that there is a ledger and there is none: what it knew is not known."""
    file = draft.folder / FILE
    if draft.head.ledger is None or file.exists():
        return None
    return mistake("EST043", draft.head_file.place(("ledger",)), actual=FILE, folder=draft.folder)


def read(file: Path, quarantine_days: int) -> Ledger:
    """Read and verify a ledger. Raises EST003, EST401 (no such line), EST402 (chain) or EST406 (impossible step)."""
    try:
        content = read_regular_file(file, _LIMIT)
    except NotRegularFileError as error:
        raise mistake("EST001", Place(file), reason="not a regular file") from error
    except FileTooLargeError as error:
        raise mistake("EST003", Place(file), actual=error.size, size=error.size, limit=_LIMIT) from error
    report_read(file, content)
    latest: dict[Number, LedgerEntry] = {}
    previous, day, count = GENESIS, date.min, 0
    for count, raw in enumerate(content.splitlines(), 1):
        entry, said = _entry(file, raw, count)
        _text, digest = entry.text(previous)
        if digest != said:
            raise mistake("EST402", Place(file, count), actual=str(said)[:16], wanted=digest[:16])
        _step(file, entry, latest.get((entry.kind, entry.id)), day, quarantine_days)
        latest[entry.kind, entry.id] = entry
        previous, day = digest, entry.date
    if content and not content.endswith(b"\n"):
        raise mistake("EST401", Place(file, count), reason="the end of the line is missing")
    return Ledger(file, latest, count, previous, day)


def _entry(file: Path, raw: bytes, line: int) -> tuple[LedgerEntry, object]:
    try:
        record = json.loads(raw)
        if not isinstance(record, dict) or set(record) != _KEYS or not all(isinstance(v, str) for v in record.values()):
            raise ValueError(f"keys {', '.join(sorted(_KEYS))}, all texts")
        if record["kind"] not in KINDS or record["state"] not in STATES:
            raise ValueError(f"kind one of {', '.join(KINDS)}; state one of {', '.join(STATES)}")
        day = date.fromisoformat(record["date"])
    except (ValueError, RecursionError) as error:
        raise mistake("EST401", Place(file, line), reason=str(error)[:100]) from error
    return LedgerEntry(record["kind"], record["id"], record["owner"], day, record["state"], line), record["hash"]


def _step(file: Path, entry: LedgerEntry, before: LedgerEntry | None, day: date, quarantine_days: int) -> None:
    """Refuse what cannot follow: days out of order, a number given twice, retired twice or given too early."""
    is_given = before is not None and before.state == "given"
    if entry.state == "retired":
        fits = is_given and before is not None and before.owner == entry.owner
    else:
        is_free = before is None or free_from(before, quarantine_days, entry.owner) <= entry.date
        fits = not is_given and is_free
    if entry.date < day or not fits:
        raise mistake(
            "EST406", Place(file, entry.line), kind=entry.kind, number=entry.id, state=entry.state, owner=entry.owner
        )


def free_from(entry: LedgerEntry, quarantine_days: int, owner: str) -> date:
    """Return the first day on which ``owner`` may be given a number that was retired: the same owner at once."""
    if entry.owner == owner:
        return entry.date
    return entry.date + timedelta(days=min(quarantine_days, (date.max - entry.date).days))


def compare(ledger: Ledger, numbers: dict[Number, Use], quarantine_days: int) -> Iterator[RackproofError]:
    """Yield what an estate does against its ledger: EST404 and EST405 errors, EST403 and EST407 warnings."""
    for number, (owner, where) in numbers.items():
        entry = ledger.latest.get(number)
        if entry is None:
            yield mistake("EST403", where(), actual=owner, kind=number[0], number=number[1])
        elif entry.state == "retired" or entry.owner != owner:
            yield _refusal(entry, owner, where(), quarantine_days)
    for (kind, number_id), entry in ledger.latest.items():
        if entry.state == "given" and (kind, number_id) not in numbers:
            yield mistake("EST407", Place(ledger.file, entry.line), actual=entry.owner, kind=kind, number=number_id)


def _refusal(entry: LedgerEntry, owner: str, where: Place, quarantine_days: int) -> RackproofError:
    code = "EST404" if entry.state == "given" else "EST405"
    return mistake(
        code,
        where,
        actual=owner,
        holder=entry.owner,
        kind=entry.kind,
        number=entry.id,
        file=FILE,
        line=entry.line,
        until=free_from(entry, quarantine_days, owner),
    )


def due(ledger: Ledger, numbers: dict[Number, Use], today: date, quarantine_days: int) -> list[LedgerEntry]:
    """Return the lines that bring a ledger up to its estate: what is gone retired, what is new given.

    Raises EST404 or EST405 for the first number that cannot be given today.
    """
    day = max(today, ledger.date)
    lines = [
        LedgerEntry(kind, number, entry.owner, day, "retired")
        for (kind, number), entry in ledger.latest.items()
        if entry.state == "given" and (kind, number) not in numbers
    ]
    for number, (owner, where) in numbers.items():
        before = ledger.latest.get(number)
        if before is not None and (before.state, before.owner) == ("given", owner):
            continue
        if before is not None and (before.state == "given" or free_from(before, quarantine_days, owner) > today):
            raise _refusal(before, owner, where(), quarantine_days)
        lines.append(LedgerEntry(*number, owner, day, "given"))
    return lines


def write(ledger: Ledger, entries: Iterable[LedgerEntry]) -> int:
    """Append lines to the ledger's file in one write; return how many. Raises as ``core.files``."""
    previous, lines = ledger.hash, []
    for entry in entries:
        text, previous = entry.text(previous)
        lines.append(text)
    if lines:
        text = "".join(f"{line}\n" for line in lines)
        with describe_refusal(ledger.file), ledger.file.open("ab", buffering=0) as stream:
            append_whole(ledger.file, stream.fileno(), text.encode())
    return len(lines)
