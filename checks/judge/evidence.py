"""The evidence of one run as judges read it, and what makes it unfit to judge."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from checks.model import CollectOutcome, EvidenceItem, Status, parse_utc

# Hosts stamp their own answers. Evidence from further in the future than clocks may differ would never grow old.
CLOCKS_APART = timedelta(seconds=60)
#: What the clock of one host may lag behind that of another: an age below this, of the future, says nothing.
SKEW_S = 5.0
# Evidence of trouble: the status it gives and the reason. Who refuses a log-in has answered.
TROUBLES = {
    CollectOutcome.UNREACHABLE: (Status.UNREACHABLE, "evidence.trouble"),
    CollectOutcome.TIMEOUT: (Status.UNREACHABLE, "evidence.trouble"),
    CollectOutcome.ERROR: (Status.ERROR, "evidence.trouble"),
    CollectOutcome.LOGIN_REFUSED: (Status.ERROR, "evidence.login_refused"),
    CollectOutcome.HOST_KEY_CHANGED: (Status.ERROR, "evidence.host_key_changed"),
}


class EvidenceView:
    """Read access to the evidence of one run; the newest item wins when something was collected twice."""

    def __init__(self, items: Iterable[EvidenceItem], get_raw: Callable[[str], bytes]) -> None:
        self._get_raw = get_raw
        self._items: dict[tuple[str, str, str], EvidenceItem] = {}
        for item in sorted(items, key=lambda entry: entry.ended_at):
            self._items[(item.collector, item.asset, item.key)] = item
        self._by_id = {item.id: item for item in self._items.values()}

    def one(self, collector: str, asset: str, key: str) -> EvidenceItem | None:
        """Return the newest item of this collector, asset and key."""
        return self._items.get((collector, asset, key))

    def named(self, item_id: str) -> EvidenceItem | None:
        """Return an item by its id; None for one that is not there or was collected again since."""
        return self._by_id.get(item_id)

    def all(self, collector: str, asset: str | None = None) -> list[EvidenceItem]:
        """Return every item of a collector (of one asset), ordered by asset and key."""
        return [
            item
            for (name, thing, _key), item in sorted(self._items.items())
            if name == collector and asset in (None, thing)
        ]

    def raw(self, item: EvidenceItem) -> bytes:
        """Return the raw bytes of an item; KeyError when they are missing."""
        return self._get_raw(item.sha256)


@dataclass(frozen=True, slots=True)
class FitEvidence:
    """Evidence fit to judge: reached, fresh, and with an exit code that was allowed."""

    item: EvidenceItem
    raw: bytes

    @property
    def text(self) -> str:
        """The raw bytes as text; undecodable bytes become replacement characters."""
        return self.raw.decode("utf-8", errors="replace")


def measure_age(now: str, then: str | None) -> float:
    """Return the seconds from then to now; endless when there is no then, or one that has not been yet."""
    if not then:
        return float("inf")
    age_s = (parse_utc(now) - parse_utc(then)).total_seconds()
    return max(0.0, age_s) if age_s >= -SKEW_S else float("inf")
