"""Signed papers: attestations (what no machine can see) and waivers (accepted in writing, until a date).

One YAML file each. The signature covers every other field in canonical JSON. Who may sign is a list of public keys,
``signers.yml``. A paper that is missing, expired, not yet valid, badly signed or by a stranger counts for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date as Date
from datetime import datetime, time, timedelta, timezone
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import Field, StringConstraints, ValidationError, model_validator

from checks.model import canonical_json
from checks.requirement import RequirementId
from core.signing import is_authentic
from inventory.fields import Model

EVERY_SITE = "*"
VIETNAM = timezone(timedelta(hours=7))
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C is ten times as fast, where it was built
Hex = Annotated[str, StringConstraints(pattern="^[0-9a-f]+$")]


class Kind(StrEnum):
    """What a paper is."""

    ATTESTATION = "attestation"
    WAIVER = "waiver"


class Document(Model):
    """The paper itself: its number, its date, and the digest of the file that was signed for."""

    number: str = Field(min_length=1)
    date: Date
    sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
    title: str = ""


class Paper(Model):
    """One signed paper. ``valid_from`` and ``expires`` are whole days in Vietnam's time, both included."""

    kind: Kind
    requirement: RequirementId
    sites: tuple[str, ...] = Field(min_length=1)
    asset: str | None = None
    statement: str = Field(min_length=3)
    edition: str | None = None
    approver: str | None = None
    document: Document
    signer: str = Field(min_length=1)
    signed_on: Date
    valid_from: Date
    expires: Date
    signature: Hex = ""

    @model_validator(mode="after")
    def _ordered(self) -> Paper:
        if self.expires < self.valid_from:
            raise ValueError("it expires before it is valid")
        if self.kind is Kind.WAIVER and not self.approver:
            raise ValueError("a waiver needs an approver beside its signer")
        return self

    @property
    def approves_itself(self) -> bool:
        """Tell whether the one who signed a waiver is named as the one who approved it: that is one pair of eyes."""
        return self.kind is Kind.WAIVER and (self.approver or "").strip().casefold() == self.signer.casefold()

    def covers(self, site: str) -> bool:
        """Tell whether the paper is about a site."""
        return site in self.sites or EVERY_SITE in self.sites


class Signer(Model):
    """Somebody who may sign: the public key as 64 hexadecimal digits (Ed25519)."""

    name: str = Field(min_length=1)
    title: str = ""
    public_key: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
    kinds: tuple[Kind, ...] = (Kind.ATTESTATION,)


class Signers(Model):
    """``signers.yml``: who may sign."""

    signers: tuple[Signer, ...]


def to_sign(paper: Paper) -> bytes:
    """Return the bytes a signature covers: every field but the signature."""
    return canonical_json(paper.model_dump(mode="json", exclude={"signature"}))


def sign(paper: Paper, key: Ed25519PrivateKey) -> Paper:
    """Return the paper with the signature of ``key``."""
    return paper.model_copy(update={"signature": key.sign(to_sign(paper)).hex()})


def write_yaml(paper: Paper) -> str:
    """Return the paper as the text of its file."""
    return yaml.safe_dump(paper.model_dump(mode="json", exclude_none=True), allow_unicode=True, sort_keys=False)


@lru_cache(maxsize=4096)
def read_paper(raw: bytes) -> Paper | None:
    """Parse the bytes of a file; None when they are not a paper."""
    data = _mapping(raw)
    try:
        return Paper.model_validate(data) if data is not None else None
    except ValidationError:
        return None


@lru_cache(maxsize=64)
def read_signers(raw: bytes) -> Mapping[str, Signer]:
    """Parse ``signers.yml``; nobody when it is not a list of signers."""
    data = _mapping(raw)
    try:
        return {signer.name: signer for signer in Signers.model_validate(data).signers} if data is not None else {}
    except ValidationError:
        return {}


def trouble(paper: Paper, signers: Mapping[str, Signer], today: Date) -> str:
    """Return why a paper counts for nothing (stranger, signature, expired, not-yet), or an empty text."""
    signer = signers.get(paper.signer)
    if signer is None or paper.kind not in signer.kinds:
        return "stranger"
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signer.public_key))
    try:
        signature = bytes.fromhex(paper.signature)
    except ValueError:
        return "signature"
    if not is_authentic(key, signature, to_sign(paper)):
        return "signature"
    if today > paper.expires:
        return "expired"
    return "not-yet" if today < max(paper.valid_from, paper.signed_on) else ""


def end_of(paper: Paper) -> datetime:
    """Return the first moment at which the paper no longer counts: the midnight, in Vietnam, after its last day."""
    return datetime.combine(paper.expires, time(), VIETNAM) + timedelta(days=1)


def _mapping(raw: bytes) -> dict[str, Any] | None:
    try:
        data = yaml.load(raw.decode("utf-8"), Loader=LOADER)  # noqa: S506 - both are safe loaders
    except (UnicodeDecodeError, yaml.YAMLError):
        return None
    return data if isinstance(data, dict) else None
