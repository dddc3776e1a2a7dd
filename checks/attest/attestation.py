"""Signed papers: attestations (what no machine can see) and waivers (accepted in writing, until a date).

One YAML file each. The signature covers every other field in canonical JSON. Who may sign is a list of public keys,
``signers.yml``. A paper that is missing, expired, not yet valid, badly signed or by a stranger counts for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date as Date  # noqa: N812 - beside a field of the name date
from datetime import datetime, time, timedelta, timezone
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import Field, StringConstraints, ValidationError, model_validator

from checks.register.requirement import RequirementId
from core.canonical_json import encode_canonical
from core.errors import RackproofError
from core.i18n import N_
from core.signing import is_authentic
from core.yaml import parse_yaml
from inventory.model.fields import StrictModel

EVERY_SITE = "*"
VIETNAM = timezone(timedelta(hours=7))
Hex = Annotated[str, StringConstraints(pattern="^[0-9a-f]+$")]


class StatementKind(StrEnum):
    """What a paper is."""

    ATTESTATION = "attestation"
    WAIVER = "waiver"


class SignedDocument(StrictModel):
    """The paper itself: its number, its date, and the digest of the file that was signed for."""

    number: str = Field(min_length=1)
    date: Date
    sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
    title: str = ""


class SignedStatement(StrictModel):
    """One signed paper. ``valid_from`` and ``expires`` are whole days in Vietnam's time, both included."""

    kind: StatementKind
    requirement: RequirementId
    sites: tuple[str, ...] = Field(min_length=1)
    asset: str | None = None
    statement: str = Field(min_length=3)
    edition: str | None = None
    approver: str | None = None
    document: SignedDocument
    signer: str = Field(min_length=1)
    signed_on: Date
    valid_from: Date
    expires: Date
    signature: Hex = ""

    @model_validator(mode="after")
    def _ordered(self) -> SignedStatement:
        if self.expires < self.valid_from:
            raise ValueError(N_("it expires before it is valid"))
        if self.kind is StatementKind.WAIVER and not self.approver:
            raise ValueError(N_("a waiver needs an approver beside its signer"))
        return self

    @property
    def approves_itself(self) -> bool:
        """Tell whether the one who signed a waiver is named as the one who approved it: that is one pair of eyes."""
        return self.kind is StatementKind.WAIVER and (self.approver or "").strip().casefold() == self.signer.casefold()

    def covers(self, site: str) -> bool:
        """Tell whether the paper is about a site."""
        return site in self.sites or EVERY_SITE in self.sites


class Signer(StrictModel):
    """Somebody who may sign: the public key as 64 hexadecimal digits (Ed25519)."""

    name: str = Field(min_length=1)
    title: str = ""
    public_key: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
    kinds: tuple[StatementKind, ...] = (StatementKind.ATTESTATION,)


class Signers(StrictModel):
    """``signers.yml``: who may sign."""

    signers: tuple[Signer, ...]


def encode_signed_part(paper: SignedStatement) -> bytes:
    """Return the bytes a signature covers: every field but the signature."""
    return encode_canonical(paper.model_dump(mode="json", exclude={"signature"}))


def sign(paper: SignedStatement, key: Ed25519PrivateKey) -> SignedStatement:
    """Return the paper with the signature of ``key``."""
    return paper.model_copy(update={"signature": key.sign(encode_signed_part(paper)).hex()})


def write_yaml(paper: SignedStatement) -> str:
    """Return the paper as the text of its file."""
    return yaml.safe_dump(paper.model_dump(mode="json", exclude_none=True), allow_unicode=True, sort_keys=False)


@lru_cache(maxsize=4096)
def read_statement(raw: bytes) -> SignedStatement | None:
    """Parse the bytes of a file; None when they are not a paper."""
    data = read_mapping(raw)
    try:
        return SignedStatement.model_validate(data) if data is not None else None
    except ValidationError:
        return None


@lru_cache(maxsize=64)
def read_signers(raw: bytes) -> Mapping[str, Signer]:
    """Parse ``signers.yml``; nobody when it is not a list of signers."""
    data = read_mapping(raw)
    try:
        return {signer.name: signer for signer in Signers.model_validate(data).signers} if data is not None else {}
    except ValidationError:
        return {}


def find_trouble(paper: SignedStatement, signers: Mapping[str, Signer], today: Date) -> str:
    """Return why a paper counts for nothing (stranger, signature, expired, not-yet), or an empty text."""
    signer = signers.get(paper.signer)
    if signer is None or paper.kind not in signer.kinds:
        return "stranger"
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signer.public_key))
    try:
        signature = bytes.fromhex(paper.signature)
    except ValueError:
        return "signature"
    if not is_authentic(key, signature, encode_signed_part(paper)):
        return "signature"
    if today > paper.expires:
        return "expired"
    return "not-yet" if today < max(paper.valid_from, paper.signed_on) else ""


def find_end(paper: SignedStatement) -> datetime:
    """Return the first moment at which the paper no longer counts: the midnight, in Vietnam, after its last day."""
    return datetime.combine(paper.expires, time(), VIETNAM) + timedelta(days=1)


def read_mapping(raw: bytes) -> dict[str, Any] | None:
    """Return the mapping that a YAML file holds; None when it holds none."""
    try:
        data: dict[str, Any] = parse_yaml(raw, Path("paper.yml")).data
    except RackproofError:
        return None
    return data
