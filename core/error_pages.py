"""The pages of all error codes, made from their table: ``python -m core.error_pages`` writes ``docs/errors.*.md``."""

from __future__ import annotations

from pathlib import Path

from core.errors.table import ExitCode, prefixes, read_kinds, read_table
from core.i18n import LANGUAGES, N_, translator
from core.workspace import REPOSITORY

FOLDER = REPOSITORY / "docs"
_TITLE = N_("Error codes")
_INTRO = N_(
    "Made from the table in `core/errors/`. The exit code follows from the kind of mistake, in every verb; "
    "`rackproof help CODE` shows the same. Words in braces are filled in where the error occurs."
)
_KIND, _EXIT, _CAUSE = N_("kind"), N_("exit code"), N_("what it follows from")
_CODE, _MESSAGE, _REMEDY = N_("code"), N_("what it says"), N_("remedy")


def page_file(language: str) -> Path:
    """Return where the page of one language lies."""
    return FOLDER / f"errors.{language}.md"


def make_page(language: str) -> str:
    """Return the page of one language: the kinds with their exit codes, then every code."""
    _ = translator(language).gettext
    lines = [f"# {_(_TITLE)}", "", _(_INTRO), "", _row([_(_KIND), _(_EXIT), _(_CAUSE)]), "| --- | --- | --- |"]
    for name, kind in read_kinds().items():
        exit_code = int(ExitCode[kind["exit"].upper()])
        lines.append(_row([f"`{name}`", str(exit_code), kind["cause"][language]]))
    for prefix in prefixes():
        lines += ["", f"## {prefix}", "", _row([_(_CODE), _(_KIND), _(_MESSAGE), _(_REMEDY)])]
        lines.append("| --- | --- | --- | --- |")
        for code, entry in read_table(prefix).items():
            texts = entry[language]
            message = texts["message"]
            if "expected" in texts:
                message = f"{message} – {_('expected')}: {texts['expected']}"
            if "cause" in entry:
                message = f"{message} ({entry['cause'][language]})"
            lines.append(_row([f"`{code}`", f"`{entry['kind']}`", message, texts.get("remedy", "")]))
    return "\n".join(lines) + "\n"


def _row(cells: list[str]) -> str:
    escaped = [cell.replace("|", "\\|").replace("\n", " ") for cell in cells]
    return f"| {' | '.join(escaped)} |"


if __name__ == "__main__":
    for lang in LANGUAGES:
        page_file(lang).write_text(make_page(lang), "utf-8")
