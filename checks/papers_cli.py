"""``rackproof checks signer|attest|waive``: making signed papers."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from core.console import emit_json, out
from core.errors import RackproofError
from core.workspace import current

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Sites = Annotated[list[str] | None, typer.Option("--site", help="Only this site (may be given several times).")]


def register(app: typer.Typer) -> None:
    """Add the commands to the room's command line."""
    app.command("signer")(signer_command)
    app.command("attest")(attest_command)
    app.command("waive")(waive_command)


def signer_command(
    name: str,
    title: Annotated[str, typer.Option(help="Who this is.")] = "",
    waivers: Annotated[bool, typer.Option("--waivers", help="May sign waivers too.")] = False,
    as_json: Json = False,
) -> None:
    """Add somebody to the list of those who may sign; their key is made in this workspace on first use.

    Example: rackproof checks signer cuc2-truong --title "Cục trưởng Cục 2" --waivers
    """
    from checks.attestation import Kind, Signer
    from checks.papers import add_signer, public_hex, signer_key

    ws = current()
    kinds = (Kind.ATTESTATION, Kind.WAIVER) if waivers else (Kind.ATTESTATION,)
    key = signer_key(ws, name)
    file = add_signer(ws, Signer(name=name, title=title, public_key=public_hex(key), kinds=kinds))
    _tell(as_json, f"{name} may sign; list: {file}", signer=name, file=str(file))


def attest_command(  # noqa: PLR0913 - one option per field of the paper
    *,
    requirement: Annotated[str, typer.Argument(help="Requirement id.")] = "",
    document: Annotated[Path | None, typer.Option(help="The document that was signed.")] = None,
    number: Annotated[str, typer.Option(help="Its number.")] = "",
    signer: Annotated[str, typer.Option(help="Who signs (see `checks signer`).")] = "",
    expires: Annotated[str, typer.Option(help="Last day it is valid, YYYY-MM-DD.")] = "",
    statement: Annotated[str, typer.Option(help="What is attested.")] = "",
    edition: Annotated[str, typer.Option(help="Edition of the standard, for certificates.")] = "",
    site: Sites = None,
    all_sites: Annotated[bool, typer.Option("--all-sites", help="It holds for every site of the estate.")] = False,
    lab: Annotated[bool, typer.Option("--lab", help="Sign the lab's samples for every attested requirement.")] = False,
    as_json: Json = False,
) -> None:
    """Sign that a requirement is met, on the strength of a document.

    Say for which sites it holds: --site, repeated where needed, or --all-sites.

    Example: rackproof checks attest QH-5-BCP --site dc --document a.pdf --number 12 --signer cuc2 --expires 2027-06-30
    """
    from checks.attestation import Kind

    if lab:
        _attest_lab(as_json)
        return
    if bool(site) == all_sites:
        raise RackproofError("PAP007", "a paper says for which sites it holds", expected="--site CODE or --all-sites",
                             actual="both" if site else "neither")
    file = _write(Kind.ATTESTATION, requirement, document, number, signer, expires,
                  statement or "Đã thực hiện theo văn bản", site, edition=edition or None)
    _tell(as_json, str(file), file=str(file))


def waive_command(  # noqa: PLR0913 - one option per field of the paper
    *,
    requirement: Annotated[str, typer.Argument(help="Requirement id.")],
    document: Annotated[Path, typer.Option(help="The document that was signed.")],
    number: Annotated[str, typer.Option(help="Its number.")],
    signer: Annotated[str, typer.Option(help="Who signs (see `checks signer --waivers`).")],
    approver: Annotated[str, typer.Option(help="Who approved it.")],
    expires: Annotated[str, typer.Option(help="Last day it is valid, YYYY-MM-DD.")],
    reason: Annotated[str, typer.Option(help="Why the failure is accepted.")],
    site: Annotated[list[str], typer.Option("--site", help="Site (repeatable).")],
    asset: Annotated[str, typer.Option(help="Only this device.")] = "",
    as_json: Json = False,
) -> None:
    """Accept a failure in writing until a date: it turns ``waived``, is counted apart and never green.

    Example: rackproof checks waive KH08-II5-BYDESIGN --site dc --asset pdu-b --reason "…" …
    """
    from checks.attestation import Kind

    file = _write(Kind.WAIVER, requirement, document, number, signer, expires, reason, site, asset=asset or None,
                  approver=approver)
    _tell(as_json, str(file), file=str(file))


def _tell(as_json: bool, text: str, **data: object) -> None:
    if as_json:
        emit_json(data)
    else:
        out.print(text)


def _attest_lab(as_json: bool) -> None:
    from checks.papers import sign_lab_samples
    from checks.register import load_requirements
    from inventory.load import load_estate

    ws = current()
    files = sign_lab_samples(ws, load_estate(ws.estate_dir), load_requirements().values())
    _tell(as_json, f"{len(files)} sample papers signed in {ws.attestations_dir}", files=[str(file) for file in files])


def _write(  # noqa: PLR0913, PLR0917 - one argument per field of the paper
    kind: object, requirement: str, document: Path | None, number: str, signer: str, expires: str, statement: str,
    sites: list[str] | None, **more: str | None,
) -> Path:
    from checks.attestation import EVERY_SITE, Document, Paper
    from checks.papers import digest, signer_key, today, write_paper
    from checks.register import load_requirements

    if requirement not in load_requirements():
        raise RackproofError("CHK001", f"there is no requirement '{requirement}'",
                             remedy="`rackproof checks list` names them all")
    if document is None or not number or not signer:
        raise RackproofError("PAP005", "a paper needs --document, --number and --signer")
    paper = Paper.model_validate({
        "kind": kind, "requirement": requirement, "sites": tuple(sites or (EVERY_SITE,)), "statement": statement,
        "document": Document(number=number, date=today(), sha256=digest(document), title=document.name),
        "signer": signer, "signed_on": today(), "valid_from": today(), "expires": _date(expires), **more,
    })
    ws = current()
    return write_paper(ws, paper, signer_key(ws, signer))


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise RackproofError("PAP006", "not a date", expected="YYYY-MM-DD", actual=text or "nothing") from None
