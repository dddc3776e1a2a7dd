"""Judging: pure functions from collected evidence to verdicts. No clock, network, file or workspace is touched here.

A judge is a generator ``(Case) -> Verdict…`` registered under the name that requirement files use. The engine adds what
no judge may forget: no verdict is ``not_assessed``, an exception is ``error``, a signed waiver is applied last.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

from checks.model import EvidenceItem, Limit, Message, Outcome, Status, Verdict, utc_text
from checks.requirement import Requirement
from inventory.estate import Estate
from inventory.model import Device, Site

EVERY_TIER = "ALL"
ROOT = Path(__file__).resolve().parent.parent
# Files every judgement depends on, beside the judge's own module.
SHARED = ("checks/judging.py", "checks/model.py", "checks/requirement.py", "checks/readings.py", "checks/waivers.py",
          "checks/attestation.py")


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
            item for (name, thing, _key), item in sorted(self._items.items())
            if name == collector and asset in (None, thing)
        ]

    def raw(self, item: EvidenceItem) -> bytes:
        """Return the raw bytes of an item; KeyError when they are missing."""
        return self._get_raw(item.sha256)


@dataclass(frozen=True, slots=True)
class JudgeContext:
    """What a judge may know beside the evidence: the estate, the moment judged for, the register, earlier verdicts."""

    estate: Estate
    now: datetime
    requirements: Mapping[str, Requirement]
    verdicts: tuple[Verdict, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """Evidence fit to judge: reached, fresh, and with an exit code that was allowed."""

    item: EvidenceItem
    raw: bytes

    @property
    def text(self) -> str:
        """The raw bytes as text; undecodable bytes become replacement characters."""
        return self.raw.decode("utf-8", errors="replace")


Judge = Callable[["Case"], Iterator[Verdict]]
# Hosts stamp their own answers. Evidence from further in the future than clocks may differ would never grow old.
CLOCKS_APART = timedelta(seconds=60)
# These leave the list of what is not met: neither may rest on nothing.
CLAIMS = frozenset({Status.PASS, Status.NOT_APPLICABLE})


@dataclass(frozen=True, slots=True)
class Registered:
    """A judge under its name. ``derived`` judges run last and see the verdicts of all others."""

    name: str
    function: Judge
    derived: bool
    sha256: str


_JUDGES: dict[str, Registered] = {}


def judge(name: str, *, derived: bool = False) -> Callable[[Judge], Judge]:
    """Register a judge under the name that requirement files use."""

    def register(function: Judge) -> Judge:
        source = Path(inspect.getfile(function))
        digest = hashlib.sha256(source.read_bytes() + _shared_bytes()).hexdigest()
        _JUDGES[name] = Registered(name, function, derived, digest)
        return function

    return register


@lru_cache(maxsize=1)
def judges() -> Mapping[str, Registered]:
    """Return every judge by name."""
    package = importlib.import_module("checks.judges")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"checks.judges.{module.name}")
    return _JUDGES


def judge_names() -> frozenset[str]:
    """Return the names of all judges without importing any: that takes seconds, and a run has better things to do."""
    texts = [file.read_text(encoding="utf-8") for file in (ROOT / "checks" / "judges").glob("*.py")]
    return frozenset(name for text in texts for name in re.findall(r'^@judge\("([a-z_0-9]+)"', text, re.MULTILINE))


def judge_sources() -> dict[str, Path]:
    """Return every source file a judgement depends on, by its path in the repository."""
    files = [ROOT / name for name in SHARED]
    for pattern in ("checks/judges/*.py", "checks/hosts/*.py", "checks/recording/*.py", "monitoring/normalise.py",
                    "monitoring/profiles.py", "monitoring/raw.py", "monitoring/profiles/*.yml"):
        files += sorted(ROOT.glob(pattern))
    return {str(file.relative_to(ROOT)): file for file in files}


class Case:
    """One requirement at one site, with the evidence: what a judge is handed, and how it says its verdicts."""

    def __init__(
        self, requirement: Requirement, site: Site, view: EvidenceView, context: JudgeContext, judged_by: Registered
    ) -> None:
        self.requirement, self.site, self.view, self.context = requirement, site, view, context
        self.estate, self.now = context.estate, context.now
        self._judge = judged_by

    def devices(self, *kinds: str) -> list[Device]:
        """Return the devices of this site of the given kinds (all when none is given)."""
        return [device for device in self.site.devices if not kinds or device.kind.value in kinds]

    def limit(self, name: str) -> Limit:
        """Return a threshold of the requirement as the limit to show."""
        found = self.requirement.threshold(name)
        return Limit(str(found.value), found.unit, found.provenance.value, found.source)

    def number(self, name: str) -> float:
        """Return a threshold of the requirement as a number."""
        return float(self.requirement.threshold(name).value)

    def take(self, collector: str, asset: str, key: str, *, codes: tuple[int, ...] = (0,)) -> Found | Verdict:
        """Return fresh evidence, or the verdict that says why there is none; other exit codes are errors."""
        item = self.view.one(collector, asset, key)
        if item is None:
            return self.say(Status.NOT_ASSESSED, asset, "evidence.missing", what=key, asset=asset)
        if item.outcome is not Outcome.COLLECTED:
            status = Status.ERROR if item.outcome is Outcome.ERROR else Status.UNREACHABLE
            return self.say(status, asset, "evidence.trouble", [item], asset=asset, what=key,
                            trouble=_first_line(self.view.raw(item)))
        if _moment(item.ended_at) > self.now + CLOCKS_APART:
            return self.say(Status.ERROR, asset, "evidence.future", [item], what=key, asset=asset, at=item.ended_at)
        if self.now > _moment(item.ended_at) + timedelta(seconds=self.requirement.validity_s):
            return self.say(Status.STALE, asset, "evidence.stale", [item], what=key, asset=asset, at=item.ended_at)
        if item.exit_code not in (None, *codes):
            return self.say(Status.ERROR, asset, "evidence.exit_code", [item], asset=asset, what=key,
                            code=item.exit_code, trouble=_first_line(self.view.raw(item)))
        return Found(item, self.view.raw(item))

    def say(
        self, status: Status, asset: str | None, msgid: str, evidence: Sequence[EvidenceItem | Found] = (), /, *,
        measured: str = "", limit: Limit | None = None, **params: object,
    ) -> Verdict:
        """Make a verdict; it is valid as long as the oldest evidence under it."""
        items = [entry.item if isinstance(entry, Found) else entry for entry in evidence]
        oldest = min([self.now, *(_moment(item.ended_at) for item in items)])
        return Verdict(
            requirement=self.requirement.id, site=self.site.site, asset=asset, status=status,
            reason=Message.of(msgid, **params), measured=measured, threshold=limit,
            evidence=tuple(sorted({item.id for item in items})), judged_at=utc_text(self.now),
            valid_until=utc_text(oldest + timedelta(seconds=self.requirement.validity_s)),
            judge=self._judge.name, judge_sha256=self._judge.sha256,
        )

    @staticmethod
    def ending(verdict: Verdict, moment: datetime) -> Verdict:
        """Return the verdict, valid no longer than until ``moment``: what it stands on ends then."""
        return replace(verdict, valid_until=utc_text(min(_moment(verdict.valid_until), moment)))

    def met(self, good: bool) -> Status:
        """Return PASS or FAIL."""
        return Status.PASS if good else Status.FAIL


def judge_all(
    requirements: Mapping[str, Requirement], estate: Estate, view: EvidenceView, now: datetime,
    wanted: frozenset[str] | None = None,
) -> tuple[Verdict, ...]:
    """Judge every requirement (only those ``wanted``) at every site it binds.

    Pure: the same arguments give the same verdicts. ``requirements`` is the whole register, which some judges look at.
    """
    from checks.waivers import apply_waivers

    chosen = [item for name, item in requirements.items() if wanted is None or name in wanted]
    first = [verdict for requirement in chosen if not _judge_of(requirement).derived
             for verdict in _judge_sites(requirement, view, JudgeContext(estate, now, requirements))]
    first = apply_waivers(first, view, now)
    context = JudgeContext(estate, now, requirements, tuple(first))
    last = [verdict for requirement in chosen if _judge_of(requirement).derived
            for verdict in _judge_sites(requirement, view, context)]
    return tuple(sorted([*first, *last], key=lambda v: (v.requirement, v.site, v.asset or "", v.reason.msgid)))


def binds(requirement: Requirement, site: Site) -> bool:
    """Tell whether a requirement binds a site: by the tier, and by the province when it names some."""
    by_tier = EVERY_TIER in requirement.tiers or site.tier in requirement.tiers
    return by_tier and (not requirement.provinces or site.province in requirement.provinces)


def _judge_of(requirement: Requirement) -> Registered:
    return judges()[requirement.check.judge]


def _judge_sites(requirement: Requirement, view: EvidenceView, context: JudgeContext) -> Iterator[Verdict]:
    for site in context.estate.sites.values():
        if binds(requirement, site):
            yield from _judge_one(Case(requirement, site, view, context, _judge_of(requirement)))


def _judge_one(case: Case) -> list[Verdict]:
    verdicts: list[Verdict] = []
    try:
        verdicts.extend(_judge_of(case.requirement).function(case))
    except Exception as error:  # noqa: BLE001 - whatever a judge stumbles over is a verdict, never silence
        return [*verdicts, case.say(Status.ERROR, None, "judge.failed", trouble=f"{type(error).__name__}: {error}")]
    if not verdicts:
        return [case.say(Status.NOT_ASSESSED, None, "judge.nothing")]
    return [_not_beyond(case, verdict) for verdict in verdicts]


def _not_beyond(case: Case, verdict: Verdict) -> Verdict:
    """A claim must stand on evidence that was really collected and is of now; else it is an error of the judge."""
    if verdict.status not in CLAIMS:
        return verdict
    if not verdict.evidence:
        return replace(verdict, status=Status.ERROR, reason=Message.of("judge.no_evidence"))
    oldest = case.now - timedelta(seconds=case.requirement.validity_s)
    for item_id in verdict.evidence:
        item = case.view.named(item_id)
        if item is None or item.outcome is not Outcome.COLLECTED or not (
                oldest <= _moment(item.ended_at) <= case.now + CLOCKS_APART):
            what = f"{item.collector} {item.key} of {item.asset}" if item else item_id
            return replace(verdict, status=Status.ERROR, reason=Message.of("judge.unfit_evidence", what=what))
    return verdict


@lru_cache(maxsize=1)
def _shared_bytes() -> bytes:
    return b"".join((ROOT / name).read_bytes() for name in SHARED if (ROOT / name).exists())


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _first_line(raw: bytes) -> str:
    text = raw.decode("utf-8", errors="replace")
    lines = [line for line in text.splitlines() if line.strip("- ") not in ("", "stderr")]
    return lines[0][:200] if lines else "no output"
