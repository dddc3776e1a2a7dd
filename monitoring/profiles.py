"""Reading profiles: which object of which kind of device means what, as data in ``profiles/*.yml``."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from core.errors import ExitCode, Place, RackproofError
from monitoring.raw import arcs
from monitoring.snmp.ber import Oid

FOLDER = Path(__file__).parent / "profiles"
SYS_OBJECT_ID: Oid = (1, 3, 6, 1, 2, 1, 1, 2, 0)
SYS_UP_TIME: Oid = (1, 3, 6, 1, 2, 1, 1, 3, 0)
SYS_NAME: Oid = (1, 3, 6, 1, 2, 1, 1, 5, 0)

#: unit of a reading → (unit in the metric's name, factor to Prometheus' base unit)
UNITS = {
    "celsius": ("celsius", 1.0), "percent": ("ratio", 0.01), "watt": ("watts", 1.0), "ampere": ("amperes", 1.0),
    "volt": ("volts", 1.0), "hertz": ("hertz", 1.0), "second": ("seconds", 1.0), "kilowatt_hour": ("joules", 3.6e6),
    "litre_per_second": ("cubic_meters_per_second", 0.001), "pascal": ("pascals", 1.0), "count": ("", 1.0),
    "volt_ampere": ("volt_amperes", 1.0), "byte": ("bytes", 1.0), "megabit_per_second": ("bytes_per_second", 125_000.0),
    "state": ("state", 1.0),
}  # fmt: skip


def _oid(value: object) -> object:
    return arcs(value) if isinstance(value, str) else value


def _oids(value: object) -> object:
    return [_oid(item) for item in value] if isinstance(value, list) else value


OidField = Annotated[Oid, BeforeValidator(_oid)]
OidsField = Annotated[tuple[Oid, ...], BeforeValidator(_oids)]


class Strict(BaseModel):
    """Base of all profile objects: frozen, no unknown key."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Companion(Strict):
    """A second column of the same row that says whether the value counts."""

    column: OidField
    valid: tuple[int, ...]


class Count(Strict):
    """A figure that is a number of rows: those of ``column`` whose value is one of ``equals``."""

    column: OidField
    equals: tuple[int, ...]


class ReadingSpec(Strict):
    """One reading of a profile.

    Exactly one of ``oid`` (a single instance, at position ``at``), ``column`` (one reading a row) and ``count``.
    ``rows`` says what the rows of a column are: ``sensors`` (the estate's sensors of this quantity,
    instance made by ``instance``), ``racks``
    (the racks a PDU feeds, in order), ``links`` (interfaces the estate knows, found by ``label``) or ``lines``.
    """

    quantity: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    unit: str = "count"
    oid: OidField | None = None
    column: OidField | None = None
    count: Count | None = None
    scale: float = 1.0
    no_data: tuple[float, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    enum: dict[int, str] | None = None
    rows: Literal["sensors", "racks", "links", "lines"] = "lines"
    instance: str = "{index}"
    position: str = "{index}"
    at: str = ""
    expect: tuple[str, ...] = ()
    label: OidField | None = None
    companion: Companion | None = None
    optional: bool = False
    counter: bool = False
    help: str

    @model_validator(mode="after")
    def _consistent(self) -> ReadingSpec:
        if sum(item is not None for item in (self.oid, self.column, self.count)) != 1:
            raise ValueError("exactly one of oid, column, count is needed")
        if (self.unit == "state") != (self.enum is not None):
            raise ValueError("unit 'state' and 'enum' go together")
        if self.unit not in UNITS:
            raise ValueError(f"unknown unit {self.unit!r}; known: {', '.join(UNITS)}")
        if self.rows == "links" and self.label is None:
            raise ValueError("rows of links need a label column")
        return self


class Profile(Strict):
    """All readings of one kind of device, and the walks that bring them."""

    name: str
    title: str
    source: str
    object_ids: OidsField
    walks: OidsField = ()
    readings: tuple[ReadingSpec, ...]

    @model_validator(mode="after")
    def _walked(self) -> Profile:
        for spec in self.readings:
            columns = [spec.column, spec.label, spec.companion.column if spec.companion else None]
            columns.append(spec.count.column if spec.count else None)
            for column in columns:
                if column is not None and not any(column[: len(root)] == root for root in self.walks):
                    raise ValueError(f"{spec.quantity}: column {column} is in no walk")
        return self


@cache
def load_profiles(folder: Path = FOLDER) -> dict[str, Profile]:
    """Return every profile by name. Raises RackproofError MON001 with the file when one is not valid."""
    found: dict[str, Profile] = {}
    for path in sorted(folder.glob("*.yml")):
        try:
            profile = Profile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except (ValidationError, ValueError, yaml.YAMLError) as error:
            raise RackproofError(
                "MON001", f"not a valid profile: {error}", place=Place(path), exit_code=ExitCode.INVALID
            ) from error
        if profile.name != path.stem:
            raise RackproofError(
                "MON002", "a profile is named like its file", place=Place(path), expected=path.stem,
                actual=profile.name, exit_code=ExitCode.INVALID,
            )  # fmt: skip
        found[profile.name] = profile
    return found


def profile_named(name: str, folder: Path = FOLDER) -> Profile:
    """Return one profile. Raises RackproofError MON003 when there is none of that name."""
    found = load_profiles(folder)
    if name not in found:
        raise RackproofError(
            "MON003", f"no reading profile {name!r}", expected=", ".join(found), exit_code=ExitCode.INVALID,
            remedy=f"name one of these in the estate, or add {name}.yml to monitoring/profiles/",
        )  # fmt: skip
    return found[name]
