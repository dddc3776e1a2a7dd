"""Making a report: one self-contained HTML file per language, JUnit beside it, and a copy of the evidence bundle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from checks.bundle.reader import BundleReader
from checks.model import Message, Status
from checks.report.junit import write_junit
from checks.report.raw import clean_text
from checks.report.translations import (
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
from checks.report.view import ReportView, make_view
from checks.verify.verification import Verification, VerificationState, verify_bundle
from core.errors import Place, RackproofError
from core.files import make_folder, stage_copy, write_set
from inventory.model.fields import Text

TEMPLATES = Path(__file__).resolve().parent / "templates"
EVIDENCE = "evidence"
PAGE_FONT = Markup('Arial, "DejaVu Sans", sans-serif')
TABLES = {
    "provenance": PROVENANCE,
    "provenance_short": PROVENANCE_SHORT,
    "provenance_long": PROVENANCE_LONG,
    "method": METHOD,
    "document": DOCUMENTS,
    "outcome": OUTCOME,
    "paper_problem": PAPER,
}
# In a bar green comes first, so that its length can be compared from row to row.
BAR_ORDER = (
    Status.PASS,
    Status.WAIVED,
    Status.STALE,
    Status.NOT_ASSESSED,
    Status.UNREACHABLE,
    Status.ERROR,
    Status.FAIL,
)


def build_report(
    bundle: Path, target: Path, trusted: Ed25519PublicKey | None, languages: Iterable[str]
) -> tuple[list[Path], Verification]:
    """Verify a bundle and write its report into folder ``target``; return the files and what verifying came to.

    Raises RackproofError (RPT001) when the bundle is broken: a report of altered evidence would be a lie in good looks.
    """
    found = verify_bundle(bundle, trusted)
    if found.state is VerificationState.BROKEN:
        first = found.findings[0] if found.findings else None
        altered = f"{first.file}: {first.detail}" if first else ""
        raise RackproofError("RPT001", place=Place(bundle), actual=altered, bundle=bundle)
    seen = make_view(BundleReader(bundle))
    files: dict[Path, bytes | str] = {}
    for language in languages:
        files[target / f"report.{language}.html"] = render(seen, found, language)
    files[target / "report.junit.xml"] = write_junit(seen.bundle.run)
    make_folder(target)
    # The whole bundle lies beside the report, so that the folder can be handed over and verified as it is.
    with stage_copy(bundle, target / EVIDENCE):
        write_set(files)
    return list(files), found


def render(seen: ReportView, found: Verification, language: str) -> str:
    """Return the HTML of one language."""
    words = Words(language)
    environment = make_environment(words)
    title = words.say(TITLE)
    run = seen.bundle.run
    estate_title = words.of(seen.bundle.estate.head.title)
    page = {
        "title": escape_css(f"{title} – {estate_title}"),
        "run": escape_css(run.id),
        "font": PAGE_FONT,
        "digest": escape_css(f"manifest sha256 {found.manifest_sha256}"),
    }
    return environment.get_template("report.html").render(
        view=seen,
        seal=found,
        language=language,
        title=title,
        estate_title=estate_title,
        page=page,
        state_text=words.say(STATE[found.state.value]),
        evidence_folder=EVIDENCE,
        css=Markup((TEMPLATES / "report.css").read_text("utf-8")),  # noqa: S704 - our own file
        signs=Markup((TEMPLATES / "signs.svg").read_text("utf-8")),  # noqa: S704 - our own file
    )


def escape_css(text: str) -> Markup:
    """Return text for use inside a CSS string: whatever is no plain letter or digit becomes an escape."""
    escaped = [sign if sign.isascii() and sign.isalnum() else f"\\{ord(sign):06x}" for sign in clean_text(text)]
    return Markup("".join(escaped))  # noqa: S704 - nothing but letters, digits and escapes is left


def make_environment(words: Words) -> Environment:
    """Return the environment of Jinja for one language: its filters, its words, and nothing printed unescaped."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=clean_value,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
    )
    environment.install_gettext_translations(words.catalogue, newstyle=True)  # type: ignore[attr-defined]

    def message(value: Message) -> str:
        return clean_text(words.message(value))

    def day(value: date | None) -> str:
        return words.day(value)

    def text(value: Text | None) -> str:
        return words.of(value)

    environment.filters.update(
        number=words.number,
        share=words.share,
        moment=words.moment,
        day=day,
        text=text,
        message=message,
        plain=clean_text,
        measured=lambda value: clean_text(words.measured(value)),
        source=words.source,
        value=words.value,
        threshold=words.threshold,
        unit=words.unit,
        shorten=shorten,
        sort_bar=sort_bar,
        lower_first=lambda value: value[:1].lower() + value[1:],
    )
    environment.globals.update(
        span=words.span,
        group_title=lambda code: f"{code} {words.say(GROUPS[code])}",
        word=lambda status: words.say(STATUS[Status(status)]),
        **{name: make_lookup(words, table) for name, table in TABLES.items()},
    )
    return environment


def clean_value(value: Any) -> Any:
    """Take control characters and those that reorder text out of whatever a template prints; Markup is our own."""
    return clean_text(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def make_lookup(words: Words, table: Mapping[str, str]) -> Callable[[str], str]:
    """Return the function that says an entry of a table in the reader's language."""
    return lambda key: words.say(table[str(key)])


def shorten(text: str, most: int = 110) -> str:
    """Return a text cut to ``most`` characters, with a sign that it was."""
    return text if len(text) <= most else text[: most - 1] + "…"


def sort_bar(counts: Iterable[tuple[Status, int]]) -> list[tuple[Status, int]]:
    """Return the counts in the order in which a bar shows them."""
    return sorted((pair for pair in counts if pair[0] in BAR_ORDER), key=lambda pair: BAR_ORDER.index(pair[0]))
