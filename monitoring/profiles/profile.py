"""Reading profiles: which object of which kind of device means what, as data in ``profiles/*.yml``."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from core.errors import Place, RackproofError
from core.models import read_model
from core.yaml import list_data_files
from monitoring.snmp.ber import Oid, parse_oid

FOLDER = Path(__file__).parent
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


def read_oid(value: object) -> object:
    """Return an object identifier written as text; anything else as it is, for the model to refuse."""
    if isinstance(value, str):
        return parse_oid(value)
    return value


def read_oids(value: object) -> object:
    """Return a list of object identifiers written as text; anything else as it is, for the model to refuse."""
    if isinstance(value, list):
        return tuple(read_oid(item) for item in value)
    return value


def read_codes(value: object) -> object:
    """Return a table of states with numbers for keys: in a file every key is a text."""
    if not isinstance(value, dict):
        return value
    return {int(key) if isinstance(key, str) else key: name for key, name in value.items()}


OidField = Annotated[Oid, BeforeValidator(read_oid)]
OidsField = Annotated[tuple[Oid, ...], BeforeValidator(read_oids)]
States = Annotated[dict[int, str], BeforeValidator(read_codes), Field(min_length=1)]


class ProfileModel(BaseModel):
    """Base of all profile objects: frozen, no unknown key."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Companion(ProfileModel):
    """A second column of the same row that says whether the value counts."""

    column: OidField
    valid: tuple[int, ...]


class Count(ProfileModel):
    """A figure that is a number of rows: those of ``column`` whose value is one of ``equals``."""

    column: OidField
    equals: tuple[int, ...]


class ReadingSpec(ProfileModel):
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
    enum: States | None = None
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


class Profile(ProfileModel):
    """All readings of one kind of device, and the walks that bring them."""

    name: str
    title: str
    source: str
    object_ids: OidsField
    walks: OidsField = ()
    readings: tuple[ReadingSpec, ...]

    @model_validator(mode="after")
    def _walked(self) -> Profile:
        if not self.readings or not self.object_ids:
            raise ValueError("a profile has readings, and the identities of the devices that it fits")
        for spec in self.readings:
            columns = [spec.column, spec.label]
            columns += [extra.column for extra in (spec.companion, spec.count) if extra is not None]
            for column in columns:
                if column is not None and not any(column[: len(root)] == root for root in self.walks):
                    raise ValueError(f"{spec.quantity}: column {column} is in no walk")
        return self


@cache
def load_profiles(folder: Path = FOLDER) -> dict[str, Profile]:
    """Return every profile by name.

    Raises RackproofError with the place: YML… for a file that is not right (a key twice, an unknown key, a value of
    another type), MON002 for one that is not named like its file, MON004 for two that disagree on a quantity.
    """
    found: dict[str, Profile] = {}
    for path in list_data_files(folder):
        profile = read_model(path, Profile)
        if profile.name != path.stem:
            raise RackproofError("MON002", place=Place(path, path="name"), actual=profile.name, file=path.stem)
        found[profile.name] = profile
    require_agreement(found.values(), folder)
    return found


def require_agreement(profiles: Iterable[Profile], folder: Path = FOLDER) -> None:
    """Make sure that a quantity means the same in every profile, and a metric one quantity.

    Raises RackproofError MON004: otherwise the states or the unit of one device would be shown as those of another.
    """
    meanings: dict[str, tuple[str, str]] = {}
    for profile in profiles:
        for spec in profile.readings:
            name, _factor = name_metric(spec)
            for key, meaning in ((spec.quantity, describe_meaning(spec)), (name, spec.quantity)):
                other, known = meanings.setdefault(key, (profile.name, meaning))
                if known != meaning:
                    raise RackproofError(
                        "MON004", place=Place(folder / f"{profile.name}.yml", path=spec.quantity), actual=meaning,
                        quantity=key, other=f"{other}.yml", expected_value=known,
                    )  # fmt: skip


def describe_meaning(spec: ReadingSpec) -> str:
    """Return what must be the same wherever a quantity is read: unit, kind, names of its states."""
    kind = "counter" if spec.counter else "gauge"
    states = ", ".join(sorted(set((spec.enum or {}).values())))
    return f"{spec.unit} {kind} {states}".strip()


def name_metric(spec: ReadingSpec) -> tuple[str, float]:
    """Return (metric name, factor to the base unit) of a reading."""
    suffix, factor = UNITS[spec.unit]
    name = f"rackproof_{spec.quantity}"
    if suffix and not name.endswith(f"_{suffix}"):
        name += f"_{suffix}"
    if spec.counter:
        name += "_total"
    return name, factor


def find_profile(name: str, folder: Path = FOLDER) -> Profile:
    """Return one profile. Raises RackproofError MON003 when there is none of that name."""
    found = load_profiles(folder)
    if name not in found:
        raise RackproofError("MON003", actual=name, known=found)
    return found[name]
