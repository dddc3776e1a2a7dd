"""The report's words in the reader's language: statuses, provenance, documents, groups, dates and numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import cached_property
from gettext import NullTranslations

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal, format_percent

from checks.model import Measurement, Message, Status
from checks.register.measured_texts import write_measured
from checks.register.threshold_texts import say_name, say_source, say_unit, say_value
from core.i18n import N_, translator
from inventory.model.fields import Text

VIETNAM = timezone(timedelta(hours=7))  # no daylight saving time; needs no time-zone database

_ISO_DAY = re.compile(r"(?<![\w./:-])\d{4}-\d\d-\d\d(?![\w/:-])")
_ISO_MOMENT = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


STATUS = {
    Status.PASS: N_("Met"),
    Status.FAIL: N_("Not met"),
    Status.ERROR: N_("Check failed to run"),
    Status.UNREACHABLE: N_("Unreachable"),
    Status.STALE: N_("Out of date"),
    Status.NOT_ASSESSED: N_("Not assessed"),
    Status.NOT_APPLICABLE: N_("Not applicable"),
    Status.WAIVED: N_("Waived until a date"),
}
PROVENANCE = {"S": N_("Stated in the plan"), "R": N_("Law or standard"), "P": N_("Operator's policy, not law")}
PROVENANCE_SHORT = {"S": N_("plan"), "R": N_("law, standard"), "P": N_("policy")}
PROVENANCE_LONG = {
    "S": N_("The number stands in the planning document itself."),
    "R": N_("The number comes from a law or standard that the clause points to."),
    "P": N_("The number is a policy that the operator set. No law asks for it."),
}
OUTCOME = {
    "collected": N_("collected"),
    "unreachable": N_("unreachable"),
    "timeout": N_("timed out"),
    "error": N_("error"),
    "login_refused": N_("log-in refused"),
    "host_key_changed": N_("host key changed"),
}
PAPER = {
    "stranger": N_("Signer not known"),
    "signature": N_("Signature does not fit"),
    "expired": N_("Expired"),
    "not-yet": N_("Not yet valid"),
}
TITLE = N_("Compliance report of the IT infrastructure")
METHOD = {"measured": N_("Measured by machine"), "attested": N_("Signed document")}
DOCUMENTS = {
    "QH": N_("IT development master plan to 2025, orientation to 2030 (Prosecutor General's decision of 02/12/2022)"),
    "KH08": N_("Action plan 08-KH/ĐU of 26/8/2025 (a Party document)"),
    "CT": N_("Programme of the Party Executive Committee, term 2025–2030 (a Party document)"),
    "HP": N_("Plan of the Party Committee of the Hải Phòng Procuracy, 31/12/2025 (a Party document)"),
}
GROUPS = {
    "1.1": N_("Data centre: design, certification, redundancy"),
    "1.2": N_("Data centre: continuous monitoring"),
    "1.3": N_("Networks and server rooms by tier"),
    "1.4": N_("Disaster recovery, backup, continuity"),
    "1.5": N_("Information security and operations"),
    "1.6": N_("Rooms, recording, video, operations centres"),
    "1.7": N_("Platforms, data, integration, services"),
    "1.8": N_("Assets, licences, people, investment"),
    "1.9": N_("Governance: results, owners, deadlines, reports"),
}
# What verifying the bundle came to when the report was made (checks.verify.verification.VerificationState).
STATE = {
    "verified": N_(
        "The signature fits, every byte is as signed, and every verdict was found again from the raw evidence."
    ),
    "verified_with_other_judges": N_(
        "The signature fits and every verdict was found again, but by other judges than those that gave it."
    ),
    "verdicts_differ": N_("The signature fits, but judging again gives other verdicts. Do not rely on this report."),
    "not_judged_again": N_("The signature fits, but this installation could not judge the evidence again."),
    "untrusted_key": N_("The bundle is whole, but signed by a key that nobody vouched for here."),
}


@dataclass(frozen=True)
class Words:
    """One language. Times are shown in Vietnam's time."""

    language: str

    @cached_property
    def catalogue(self) -> NullTranslations:
        """The texts of the language."""
        return translator(self.language)

    @cached_property
    def _locale(self) -> Locale:
        return Locale.parse("vi_VN" if self.language == "vi" else "en_GB")

    def say(self, text: str) -> str:
        """Translate a text of the source."""
        return self.catalogue.gettext(text)

    def of(self, text: Text | None) -> str:
        """Return the side of a bilingual text that this reader reads."""
        return "" if text is None else text.vi if self.language == "vi" else text.en

    def day(self, value: date | None) -> str:
        """Return a date: 20/11/2026, 20 November 2026."""
        if value is None:
            return ""
        return format_date(value, "dd/MM/yyyy" if self.language == "vi" else "d MMMM yyyy", locale=self._locale)

    def moment(self, text: str) -> str:
        """Return an ISO moment in Vietnam's time, to the second; the text itself when it is none."""
        try:
            value = datetime.fromisoformat(text).astimezone(VIETNAM).replace(tzinfo=None)
        except ValueError:
            return text
        pattern = "HH:mm:ss, dd/MM/yyyy" if self.language == "vi" else "d MMM yyyy, HH:mm:ss"
        return format_datetime(value, pattern, locale=self._locale)

    def span(self, start: str, end: str) -> str:
        """Return two ISO moments as a stretch of time; the day once when it is the same."""
        first, last = self.moment(start), self.moment(end)
        if first == last:
            return first
        if self.language == "vi" and first.partition(", ")[2] == last.partition(", ")[2]:
            return f"{first.partition(', ')[0]} – {last}"
        if self.language != "vi" and first.partition(", ")[0] == last.partition(", ")[0]:
            return f"{first} – {last.partition(', ')[2]}"
        return f"{first} – {last}"

    def message(self, value: Message) -> str:
        """Return a reason in this language."""
        return self.dated(value.text(self.language))

    def source(self, text: str) -> str:
        """Return where a threshold comes from in this language."""
        return say_source(text, self.language)

    def threshold(self, name: str) -> str:
        """Return the name of a threshold in this language."""
        return say_name(name, self.language)

    def unit(self, text: str) -> str:
        """Return a unit in this language."""
        return say_unit(text, self.language)

    def value(self, value: object) -> str:
        """Return the value of a threshold, or the place of a clause, in this language."""
        return say_value(str(value), self.language)

    def measured(self, found: Sequence[Measurement]) -> str:
        """Return what was measured in this language: dates, and the words of machines."""
        return self.dated(write_measured(found, self.language))

    def dated(self, text: str) -> str:
        """Return the text with ISO moments and days written as the reader writes them."""
        text = _ISO_MOMENT.sub(lambda found: self.moment(found.group()), text)
        return _ISO_DAY.sub(lambda found: self._iso_day(found.group()), text)

    def _iso_day(self, text: str) -> str:
        try:
            return self.day(date.fromisoformat(text))
        except ValueError:
            return text

    def number(self, value: float) -> str:
        """Return a number with the signs of the language: 1.234,5 and 1,234.5."""
        return format_decimal(value, locale=self._locale)

    def share(self, value: float | None) -> str:
        """Return a share as per cent; a dash when there is none. Never rounds up to 100 %."""
        if value is None:
            return "–"
        shown = value if value == 1 else min(value, 0.999)
        return format_percent(shown, "#,##0.#%", locale=self._locale)
