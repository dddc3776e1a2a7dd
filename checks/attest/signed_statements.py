"""Making signed papers: attestations and waivers, and the list of who may sign."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from checks.attest.attestation import (
    EVERY_SITE,
    VIETNAM,
    SignedDocument,
    SignedStatement,
    Signer,
    StatementKind,
    read_signers,
    sign,
    write_yaml,
)
from checks.collect.files import SIGNERS
from checks.register.requirement import Method, Requirement
from core.errors import Place, RackproofError
from core.files import make_folder, write_atomic
from core.refusals import say_refusal
from core.signing import load_or_create_key
from core.workspace import Workspace
from inventory.model.estate import Estate

LAB_SIGNER = "lab-sample"
LAB_DAYS = 30
LAB_WAIVED = "KH08-II5-BYDESIGN"


def digest(file: Path) -> str:
    """Return the SHA-256 of a document. Raises RackproofError (PAP001) when it cannot be read."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise RackproofError("PAP001", place=Place(file), reason=say_refusal(error)) from None


def write_statement(ws: Workspace, paper: SignedStatement, key: Ed25519PrivateKey) -> Path:
    """Sign a paper and write its file; an earlier paper of the same name is replaced in one step."""
    trusted = read_signers(name_signers_file(ws).read_bytes()) if name_signers_file(ws).exists() else {}
    known = trusted.get(paper.signer)
    if known is None or known.public_key != encode_public_key(key) or paper.kind not in known.kinds:
        raise RackproofError(
            "PAP002",
            place=Place(name_signers_file(ws)),
            actual=paper.signer,
            what=paper.kind.value,
            known=set(trusted) - {paper.signer},
        )
    if paper.approves_itself:
        raise RackproofError("PAP008", actual=paper.signer)
    make_folder(ws.attestations_dir)
    where = "all" if EVERY_SITE in paper.sites else "+".join(paper.sites)
    name = re.sub(r"[^A-Za-z0-9.+_-]", "_", f"{paper.kind.value}-{paper.requirement}-{where}{_suffix(paper)}.yml")
    file = ws.attestations_dir / name
    write_atomic(file, write_yaml(sign(paper, key)))
    return file


def add_signer(ws: Workspace, signer: Signer) -> Path:
    """Put a signer into the list, in place of one of the same name."""
    file = name_signers_file(ws)
    known = dict(read_signers(file.read_bytes())) if file.exists() else {}
    known[signer.name] = signer
    make_folder(ws.attestations_dir)
    data = {"signers": [entry.model_dump(mode="json") for entry in sorted(known.values(), key=lambda s: s.name)]}
    write_atomic(file, yaml.safe_dump(data, allow_unicode=True, sort_keys=False))
    return file


def load_signer_key(ws: Workspace, name: str) -> Ed25519PrivateKey:
    """Return the private key of a signer of this workspace, made on first use."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,40}", name):
        raise RackproofError("PAP003", actual=name)
    return load_or_create_key(ws.root / "keys" / f"signer-{name}.pem")


def encode_public_key(key: Ed25519PrivateKey) -> str:
    """Return the public half of a key as hexadecimal digits."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def sign_lab_samples(ws: Workspace, estate: Estate, requirements: Iterable[Requirement]) -> list[Path]:
    """Sign a sample for every attested requirement and the waiver of the lab's old devices.

    Every sample says that it is one: the signer is ``lab-sample`` and the document a generated text. Raises
    RackproofError (PAP004) for anything but the lab.
    """
    if not ws.is_lab:
        raise RackproofError("PAP004")
    key = load_signer_key(ws, LAB_SIGNER)
    add_signer(
        ws,
        Signer(
            name=LAB_SIGNER,
            title="Sample signer of the embedded lab, no real person",
            public_key=encode_public_key(key),
            kinds=(StatementKind.ATTESTATION, StatementKind.WAIVER),
        ),
    )
    papers = [make_lab_attestation(item) for item in requirements if item.method is Method.ATTESTED]
    papers += [
        make_lab_waiver(device.name, estate.site_of[device.name])
        for device in estate.devices.values()
        if device.snmp and device.snmp.version.value != "v3"
    ]
    return [write_statement(ws, paper, key) for paper in papers]


def today() -> date:
    """Return today's date in Vietnam."""
    return datetime.now(VIETNAM).date()


def make_lab_attestation(requirement: Requirement) -> SignedStatement:
    """Make the lab's sample of an attestation for a requirement."""
    editions = [t for t in requirement.thresholds if t.name == "editions"]
    edition = str(editions[0].value).split(",")[0].strip() if editions else None
    return make_lab_statement(
        StatementKind.ATTESTATION,
        requirement.id,
        (EVERY_SITE,),
        "Văn bản mẫu của môi trường lab (lab sample)",
        edition=edition,
    )


def make_lab_waiver(device: str, site: str) -> SignedStatement:
    """Make the lab's waiver of a device that speaks SNMP version 2c only."""
    return make_lab_statement(
        StatementKind.WAIVER,
        LAB_WAIVED,
        (site,),
        "Thiết bị cũ chỉ hỗ trợ SNMP v2c, trong mạng quản trị riêng, chờ thay thế (lab sample)",
        asset=device,
        approver="Lab sample approver, no real person",
    )


def make_lab_statement(
    kind: StatementKind, requirement: str, sites: tuple[str, ...], statement: str, **more: str | None
) -> SignedStatement:
    """Make a statement of the lab's sample signer, valid from today for LAB_DAYS days."""
    text = f"{kind.value} {requirement} {','.join(sites)} {more.get('asset') or ''}"
    digest_of_text = hashlib.sha256(text.encode()).hexdigest()
    document = SignedDocument(number=f"LAB-SAMPLE/{requirement}", date=today(), sha256=digest_of_text)
    return SignedStatement.model_validate(
        {
            "kind": kind,
            "requirement": requirement,
            "sites": sites,
            "statement": statement,
            "document": document,
            "signer": LAB_SIGNER,
            "signed_on": today(),
            "valid_from": today(),
            "expires": today() + timedelta(days=LAB_DAYS),
            **more,
        }
    )


def _suffix(paper: SignedStatement) -> str:
    return f"-{paper.asset}" if paper.asset else ""


def name_signers_file(ws: Workspace) -> Path:
    """Return where the list of those who may sign lies."""
    return ws.attestations_dir / SIGNERS
