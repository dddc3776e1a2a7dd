"""The door to reports: build the report of a run, and its picture."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from checks.bundle.names import LATEST
from core.console import emit_json, err, out
from core.i18n import LANGUAGES, _
from core.workspace import REPOSITORY, current

app = typer.Typer(
    no_args_is_help=True, help="Render the report of a run, in Vietnamese and in English.", add_completion=False
)

PICTURE = REPOSITORY / "docs" / "pictures" / "report.png"
RunName = Annotated[str, typer.Argument(help="A run id (or the start of one), a bundle's folder, or 'latest'.")]
KeyFile = Annotated[
    Path | None, typer.Option("--public-key", help="PEM of the signer you trust (default: this workspace's own key).")
]


class Language(StrEnum):
    """Which languages to render."""

    VI = "vi"
    EN = "en"
    BOTH = "both"


@app.command()
def build(
    run: RunName = LATEST,
    lang: Annotated[Language, typer.Option("--lang", help="Language of the report.")] = Language.BOTH,
    to: Annotated[Path | None, typer.Option("--out", help="Folder to write to (default: the workspace's).")] = None,
    public_key: KeyFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> int:
    """Verify a run's evidence and render its report: HTML, JUnit XML, and the evidence beside it.

    The exit code is that of ``evidence verify``: 0 when every verdict was found again.

    Example: rackproof report build latest --lang vi
    """
    from checks.bundle.reader import find_bundle
    from checks.report.build import build_report
    from checks.verify.trust import choose_trusted_key
    from checks.verify.verification import EXIT_CODES, VerificationState

    ws = current()
    bundle = find_bundle(run, ws)
    target = to or ws.reports_dir / bundle.name
    languages = LANGUAGES if lang is Language.BOTH else (lang.value,)
    files, found = build_report(bundle, target, choose_trusted_key(public_key, ws), languages)
    if as_json:
        emit_json({"run": bundle.name, "state": found.state.value, "files": [str(file) for file in files]})
    else:
        for file in files:
            out.print(str(file), markup=False)
        if found.state is not VerificationState.VERIFIED:
            warning = _("the evidence is '{state}'; the report says so").format(state=found.state.value)
            err.print(f"[yellow]![/] {warning}")
    return int(EXIT_CODES[found.state])


@app.command()
def picture(
    run: RunName = LATEST,
    lang: Annotated[Language, typer.Option("--lang", help="Language of the report.")] = Language.VI,
    to: Annotated[Path, typer.Option("--out", help="The PNG to write.")] = PICTURE,
    public_key: KeyFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> int:
    """Take a picture of the head of a run's report with Chromium, for the README.

    Example: rackproof report picture latest
    """
    from tempfile import TemporaryDirectory

    from checks.bundle.reader import find_bundle
    from checks.report.build import build_report
    from checks.report.chromium import take_picture
    from checks.verify.trust import choose_trusted_key

    ws = current()
    chosen = Language.VI if lang is Language.BOTH else lang
    with TemporaryDirectory() as folder:
        files, _found = build_report(
            find_bundle(run, ws), Path(folder), choose_trusted_key(public_key, ws), (chosen.value,)
        )
        take_picture(files[0], to)
    if as_json:
        emit_json({"picture": str(to)})
    else:
        out.print(str(to), markup=False)
    return 0
