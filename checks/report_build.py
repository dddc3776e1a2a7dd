"""Making a report: one self-contained HTML file per language, JUnit beside it, and a copy of the evidence bundle."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from checks.bundle_read import BundleReader
from checks.junit import junit_xml
from checks.model import Message, Status
from checks.report_raw import plain
from checks.report_view import ReportView, view
from checks.report_words import (
    DOCUMENTS,
    GROUPS,
    METHOD,
    OUTCOME,
    PAPER,
    PROVENANCE,
    PROVENANCE_LONG,
    PROVENANCE_SHORT,
    STATE,
    STATUS,
    TITLE,
    Words,
)
from checks.verify import State, Verification, verify_bundle
from core.errors import ExitCode, Place, RackproofError
from inventory.fields import Text

TEMPLATES = Path(__file__).resolve().parent / "report"
EVIDENCE = "evidence"
PAGE_FONT = Markup('Arial, "DejaVu Sans", sans-serif')
TABLES = {"provenance": PROVENANCE, "provenance_short": PROVENANCE_SHORT, "provenance_long": PROVENANCE_LONG,
          "method": METHOD, "document": DOCUMENTS, "outcome": OUTCOME, "paper_problem": PAPER}
# In a bar green comes first, so that its length can be compared from row to row.
BAR_ORDER = (Status.PASS, Status.WAIVED, Status.STALE, Status.NOT_ASSESSED, Status.UNREACHABLE, Status.ERROR,
             Status.FAIL)


def build_report(
    bundle: Path, target: Path, trusted: Ed25519PublicKey | None, languages: Iterable[str]
) -> tuple[list[Path], Verification]:
    """Verify a bundle and write its report into folder ``target``; return the files and what verifying came to.

    Raises RackproofError (RPT001) when the bundle is broken: a report of altered evidence would be a lie in good looks.
    """
    found = verify_bundle(bundle, trusted)
    if found.state is State.BROKEN:
        first = found.findings[0] if found.findings else None
        raise RackproofError(
            "RPT001", "the evidence bundle is broken; no report is made of it", place=Place(bundle),
            actual=f"{first.file}: {first.detail}" if first else "", exit_code=ExitCode.INVALID,
            remedy=f"rackproof evidence verify {bundle} names every altered byte",
        )
    seen = view(BundleReader(bundle))
    target.mkdir(parents=True, exist_ok=True)
    _copy_evidence(bundle, target / EVIDENCE)
    written = [target / f"report.{language}.html" for language in languages]
    for file in written:
        _write(file, render(seen, found, file.suffixes[0].lstrip(".")).encode())
    junit = target / "report.junit.xml"
    _write(junit, junit_xml(seen.bundle.run))
    return [*written, junit], found


def render(seen: ReportView, found: Verification, language: str) -> str:
    """Return the HTML of one language."""
    words = Words(language)
    environment = _environment(words)
    title = words.say(TITLE)
    run = seen.bundle.run
    estate_title = words.of(seen.bundle.estate.head.title)
    page = {"title": css_text(f"{title} – {estate_title}"), "run": css_text(run.id), "font": PAGE_FONT,
            "digest": css_text(f"manifest sha256 {found.manifest_sha256}")}
    return environment.get_template("report.html").render(
        view=seen, seal=found, language=language, title=title, estate_title=estate_title, page=page,
        state_text=words.say(STATE[found.state.value]), evidence_folder=EVIDENCE,
        css=Markup((TEMPLATES / "report.css").read_text("utf-8")),  # noqa: S704 - our own file
        signs=Markup((TEMPLATES / "signs.svg").read_text("utf-8")),  # noqa: S704 - our own file
    )


def css_text(text: str) -> Markup:
    """Return text for use inside a CSS string: whatever is no plain letter or digit becomes an escape."""
    return Markup("".join(sign if sign.isascii() and sign.isalnum() else f"\\{ord(sign):06x}" for sign in plain(text)))  # noqa: S704


def _environment(words: Words) -> Environment:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined,
                              finalize=_printable, extensions=["jinja2.ext.i18n"], trim_blocks=True)
    environment.install_gettext_translations(words.catalogue, newstyle=True)  # type: ignore[attr-defined]

    def message(value: Message) -> str:
        return plain(words.message(value))

    def day(value: date | None) -> str:
        return words.day(value)

    def text(value: Text | None) -> str:
        return words.of(value)

    environment.filters.update(
        number=words.number, share=words.share, moment=words.moment, day=day, text=text, message=message, plain=plain,
        measured=lambda value: plain(words.dated(value)), shorten=_shorten, sort_bar=_bar_order,
        lower_first=lambda value: value[:1].lower() + value[1:],
    )
    environment.globals.update(
        span=words.span, group_title=lambda code: f"{code} {words.say(GROUPS[code])}",
        word=lambda status: words.say(STATUS[Status(status)]),
        **{name: _lookup(words, table) for name, table in TABLES.items()},
    )
    return environment


def _printable(value: Any) -> Any:
    """Take control characters and those that reorder text out of whatever a template prints; Markup is our own."""
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _lookup(words: Words, table: Mapping[str, str]) -> Callable[[str], str]:
    return lambda key: words.say(table[str(key)])


def _shorten(text: str, most: int = 110) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _bar_order(counts: Iterable[tuple[Status, int]]) -> list[tuple[Status, int]]:
    return sorted((pair for pair in counts if pair[0] in BAR_ORDER), key=lambda pair: BAR_ORDER.index(pair[0]))


def _copy_evidence(bundle: Path, target: Path) -> None:
    """Put the whole bundle beside the report, so that the folder can be handed over and verified as it is."""
    new = target.with_name(f".{target.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    shutil.copytree(bundle, new)
    shutil.rmtree(target, ignore_errors=True)
    new.rename(target)


def _write(file: Path, data: Any) -> None:
    new = file.with_name(f".{file.name}.new")
    new.write_bytes(data)
    new.replace(file)
