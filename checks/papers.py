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

from checks.attestation import EVERY_SITE, VIETNAM, Document, Kind, Paper, Signer, read_signers, sign, write_yaml
from checks.collectors.files import SIGNERS
from checks.requirement import Method, Requirement
from core.errors import ExitCode, Place, RackproofError
from core.signing import load_or_create_key
from core.workspace import Workspace
from inventory.estate import Estate

LAB_SIGNER = "lab-sample"
LAB_DAYS = 30
LAB_WAIVED = "KH08-II5-BYDESIGN"


def digest(file: Path) -> str:
    """Return the SHA-256 of a document. Raises RackproofError (PAP001) when it cannot be read."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise RackproofError("PAP001", "the document cannot be read", place=Place(file), actual=error.strerror or "",
                             exit_code=ExitCode.INVALID) from None


def write_paper(ws: Workspace, paper: Paper, key: Ed25519PrivateKey) -> Path:
    """Sign a paper and write its file; an earlier paper of the same name is replaced in one step."""
    trusted = read_signers(_signers_file(ws).read_bytes()) if _signers_file(ws).exists() else {}
    known = trusted.get(paper.signer)
    if known is None or known.public_key != public_hex(key) or paper.kind not in known.kinds:
        raise RackproofError(
            "PAP002", f"'{paper.signer}' with this key may not sign a {paper.kind.value}",
            place=Place(_signers_file(ws)), expected=", ".join(trusted) or "a signer in the file",
            remedy="`rackproof checks signer NAME` adds the key to the list of those who may",
            exit_code=ExitCode.REFUSED,
        )
    if paper.approves_itself:
        raise RackproofError("PAP007", "who signs a waiver cannot approve it", actual=paper.signer,
                             expected="somebody else as approver", exit_code=ExitCode.REFUSED)
    ws.attestations_dir.mkdir(parents=True, exist_ok=True)
    where = "all" if EVERY_SITE in paper.sites else "+".join(paper.sites)
    name = re.sub(r"[^A-Za-z0-9.+_-]", "_", f"{paper.kind.value}-{paper.requirement}-{where}{_suffix(paper)}.yml")
    file = ws.attestations_dir / name
    _replace(file, write_yaml(sign(paper, key)))
    return file


def add_signer(ws: Workspace, signer: Signer) -> Path:
    """Put a signer into the list, in place of one of the same name."""
    file = _signers_file(ws)
    known = dict(read_signers(file.read_bytes())) if file.exists() else {}
    known[signer.name] = signer
    ws.attestations_dir.mkdir(parents=True, exist_ok=True)
    data = {"signers": [entry.model_dump(mode="json") for entry in sorted(known.values(), key=lambda s: s.name)]}
    _replace(file, yaml.safe_dump(data, allow_unicode=True, sort_keys=False))
    return file


def signer_key(ws: Workspace, name: str) -> Ed25519PrivateKey:
    """Return the private key of a signer of this workspace, made on first use."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,40}", name):
        raise RackproofError("PAP003", "a signer's name is lower-case letters, digits and dashes", actual=name)
    return load_or_create_key(ws.root / "keys" / f"signer-{name}.pem")


def public_hex(key: Ed25519PrivateKey) -> str:
    """Return the public half of a key as hexadecimal digits."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def sign_lab_samples(ws: Workspace, estate: Estate, requirements: Iterable[Requirement]) -> list[Path]:
    """Sign a sample for every attested requirement and the waiver of the lab's old devices.

    Every sample says that it is one: the signer is ``lab-sample`` and the document a generated text. Raises
    RackproofError (PAP004) for anything but the lab.
    """
    if not ws.is_lab:
        raise RackproofError("PAP004", "sample papers are for the lab only", exit_code=ExitCode.REFUSED,
                             remedy="sign real documents with `rackproof checks attest REQUIREMENT --document FILE …`")
    key = signer_key(ws, LAB_SIGNER)
    add_signer(ws, Signer(name=LAB_SIGNER, title="Sample signer of the embedded lab, no real person",
                          public_key=public_hex(key), kinds=(Kind.ATTESTATION, Kind.WAIVER)))
    papers = [_sample(item) for item in requirements if item.method is Method.ATTESTED]
    papers += [_lab_waiver(device.name, estate.site_of[device.name]) for device in estate.devices.values()
               if device.snmp and device.snmp.version.value != "v3"]
    return [write_paper(ws, paper, key) for paper in papers]


def today() -> date:
    """Return today's date in Vietnam."""
    return datetime.now(VIETNAM).date()


def _sample(requirement: Requirement) -> Paper:
    editions = [t for t in requirement.thresholds if t.name == "editions"]
    edition = str(editions[0].value).split(",")[0].strip() if editions else None
    return _paper(Kind.ATTESTATION, requirement.id, (EVERY_SITE,), "Văn bản mẫu của phòng thử nghiệm (lab sample)",
                  edition=edition)


def _lab_waiver(device: str, site: str) -> Paper:
    return _paper(Kind.WAIVER, LAB_WAIVED, (site,),
                  "Thiết bị cũ chỉ hỗ trợ SNMP v2c, trong mạng quản trị riêng, chờ thay thế (lab sample)", asset=device,
                  approver="Lab sample approver, no real person")


def _paper(kind: Kind, requirement: str, sites: tuple[str, ...], statement: str, **more: str | None) -> Paper:
    text = f"{kind.value} {requirement} {','.join(sites)} {more.get('asset') or ''}"
    digest_of_text = hashlib.sha256(text.encode()).hexdigest()
    document = Document(number=f"LAB-SAMPLE/{requirement}", date=today(), sha256=digest_of_text)
    return Paper.model_validate({
        "kind": kind, "requirement": requirement, "sites": sites, "statement": statement, "document": document,
        "signer": LAB_SIGNER, "signed_on": today(), "valid_from": today(),
        "expires": today() + timedelta(days=LAB_DAYS), **more,
    })


def _suffix(paper: Paper) -> str:
    return f"-{paper.asset}" if paper.asset else ""


def _signers_file(ws: Workspace) -> Path:
    return ws.attestations_dir / SIGNERS


def _replace(file: Path, text: str) -> None:
    new = file.with_name(f".{file.name}.new")
    new.write_text(text, encoding="utf-8")
    new.replace(file)
