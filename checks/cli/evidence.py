"""The door to evidence: verify a bundle offline, list the bundles, show what a verdict stands on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from checks.bundle.names import LATEST
from core.console import emit_json
from core.errors import ExitCode, Place, RackproofError
from core.files import require_workspace
from core.workspace import current

app = typer.Typer(
    no_args_is_help=True, help="Verify evidence bundles offline; list and show them.", add_completion=False
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
RunName = Annotated[str, typer.Argument(help="A run id (or the start of one), a bundle's folder, or 'latest'.")]


@app.command()
def verify(
    path: RunName = LATEST,
    public_key: Annotated[
        Path | None,
        typer.Option("--public-key", help="PEM of the signer you trust (default: this workspace's own key)."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 also when other judges came to the same.")] = False,
    as_json: AsJson = False,
) -> int:
    """Check every byte of a bundle, then judge every verdict again from its raw evidence.

    Exit codes: 0 verified, 1 verdicts differ or could not be judged again, 3 broken or signed by an unknown key.

    Example: rackproof evidence verify latest
    """
    from checks.bundle.reader import find_bundle
    from checks.cli import evidence_text
    from checks.verify.trust import choose_trusted_key
    from checks.verify.verification import EXIT_CODES, VerificationState, verify_bundle

    ws = current()
    found = verify_bundle(find_bundle(path, ws), choose_trusted_key(public_key, ws))
    if as_json:
        emit_json(found.as_dict(), [error.as_dict() for error in found.errors])
    else:
        evidence_text.show_verification(found)
    if strict and found.state is VerificationState.OTHER_JUDGES:
        return int(ExitCode.NOT_GREEN)
    return int(EXIT_CODES[found.state])


@app.command("list")
def list_bundles(as_json: AsJson = False) -> int:
    """List the bundles of this workspace, oldest first, and whether the chain between them is whole.

    Exit code 3 when a bundle of the chain is missing or was replaced.

    Example: rackproof evidence list --json
    """
    from checks.bundle.chain import check_chain
    from checks.cli import evidence_text

    ws = current()
    require_workspace(ws.root)
    rows = check_chain(ws.evidence_dir, ws.journal)
    torn = [row for row in rows if row["chain"] != "whole"]
    if as_json:
        places = ((Place(ws.evidence_dir / row["run"]), row["chain"]) for row in torn)
        errors = [RackproofError("EVD045", place=place, actual=chain) for place, chain in places]
        emit_json({"bundles": rows}, [error.as_dict() for error in errors])
    else:
        evidence_text.show_list(rows)
    return int(ExitCode.INVALID if torn else ExitCode.OK)


@app.command()
def show(
    run: RunName = LATEST,
    requirement: Annotated[str, typer.Argument(help="A requirement id: its verdicts with the raw output.")] = "",
    as_json: AsJson = False,
) -> int:
    """Show the verdicts of a run, or one requirement's verdicts with the evidence under them.

    This reads; it does not verify.

    Example: rackproof evidence show latest QH-3-DC-NPLUS1
    """
    from checks.bundle.reader import BundleReader, find_bundle
    from checks.cli import evidence_text

    reader = BundleReader(find_bundle(run, current()))
    verdicts = [item for item in reader.run.verdicts if requirement in {"", item.requirement}]
    if requirement and not verdicts:
        raise RackproofError(
            "EVD033", place=Place(reader.path), run=reader.run.id, actual=requirement, known=reader.run.requirements
        )
    wanted = {item_id for verdict in verdicts for item_id in verdict.evidence} if requirement else set()
    items = [item for item in reader.run.evidence if item.id in wanted]
    if as_json:
        emit_json(
            {
                "run": reader.run.id,
                "verdicts": [item.as_dict() for item in verdicts],
                "evidence": [item.as_dict() for item in items],
            }
        )
    else:
        evidence_text.show_run(reader, verdicts, items)
    return int(ExitCode.OK)
