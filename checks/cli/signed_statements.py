"""``rackproof checks signer|attest|waive``: making signed papers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from core.console import emit_json, out
from core.errors import Place, RackproofError
from core.i18n import _
from core.workspace import Workspace, current

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
    from checks.attest.attestation import Signer, StatementKind
    from checks.attest.signed_statements import add_signer, encode_public_key, load_signer_key

    ws = current()
    kinds = (StatementKind.ATTESTATION, StatementKind.WAIVER) if waivers else (StatementKind.ATTESTATION,)
    key = load_signer_key(ws, name)
    file = add_signer(ws, Signer(name=name, title=title, public_key=encode_public_key(key), kinds=kinds))
    _tell(as_json, _("{name} may sign; list: {file}").format(name=name, file=file), signer=name, file=str(file))


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
    from checks.attest.attestation import StatementKind

    if lab:
        _attest_lab(as_json)
        return
    if bool(site) == all_sites:
        raise RackproofError("PAP007")
    file = _write(
        StatementKind.ATTESTATION,
        requirement,
        document,
        number,
        signer,
        expires,
        statement or "Đã thực hiện theo văn bản",
        site,
        edition=edition or None,
    )
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
    from checks.attest.attestation import StatementKind

    file = _write(
        StatementKind.WAIVER,
        requirement,
        document,
        number,
        signer,
        expires,
        reason,
        site,
        asset=asset or None,
        approver=approver,
    )
    _tell(as_json, str(file), file=str(file))


def _tell(as_json: bool, text: str, **data: object) -> None:
    if as_json:
        emit_json(data)
    else:
        out.print(text)


def _attest_lab(as_json: bool) -> None:
    from checks.attest.signed_statements import sign_lab_samples
    from checks.register.register import load_requirements
    from inventory.load.loader import load_estate

    ws = current()
    files = sign_lab_samples(ws, load_estate(ws.estate_dir), load_requirements().values())
    signed = _("{n} sample statements signed in {folder}").format(n=len(files), folder=ws.attestations_dir)
    _tell(as_json, signed, files=[str(file) for file in files])


def _write(  # noqa: PLR0913, PLR0917 - one argument per field of the paper
    kind: object,
    requirement: str,
    document: Path | None,
    number: str,
    signer: str,
    expires: str,
    statement: str,
    sites: list[str] | None,
    **more: str | None,
) -> Path:
    from pydantic import ValidationError

    from checks.attest.attestation import EVERY_SITE, SignedStatement
    from checks.attest.signed_statements import digest, load_signer_key, today, write_statement
    from checks.register.register import load_requirements
    from core.model_errors import describe_mistakes

    known = load_requirements()
    if requirement not in known:
        raise RackproofError("CHK001", actual=requirement, known=known)
    if document is None or not number or not signer:
        raise RackproofError("PAP005")
    ws = current()
    _refuse_unknown_sites(ws, sites or ())
    parts = {
        "kind": kind,
        "requirement": requirement,
        "sites": tuple(sites or (EVERY_SITE,)),
        "statement": statement,
        "document": {"number": number, "date": today(), "sha256": digest(document), "title": document.name},
        "signer": signer,
        "signed_on": today(),
        "valid_from": today(),
        "expires": _date(expires),
        **more,
    }
    try:
        paper = SignedStatement.model_validate(parts)
    except ValidationError as error:
        mistakes = describe_mistakes(error, parts, SignedStatement, lambda path: Place(document))
        reasons = (f"{item.message} ({item.expected})" if item.expected else item.message for item in mistakes)
        raise RackproofError("PAP009", reason="; ".join(reasons)) from None
    return write_statement(ws, paper, load_signer_key(ws, signer))


def _refuse_unknown_sites(ws: Workspace, sites: Iterable[str]) -> None:
    """Refuse a site that does not exist: a statement about it would hold for nobody, and look signed."""
    from inventory.load.loader import load_estate

    for site in sites:
        known = load_estate(ws.estate_dir).sites
        if site not in known:
            raise RackproofError("CHK002", actual=site, known=known)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise RackproofError("PAP006", actual=text) from None
