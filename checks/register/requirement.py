"""One requirement of the register as it is written in ``requirements/<group>/<ID>.yml``."""

from __future__ import annotations

from datetime import date as Date  # noqa: N812 - beside a field of the name date
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from core.i18n import N_
from inventory.model.entities import Site
from inventory.model.fields import Name, StrictModel, Text

#: Written as the only tier of a requirement that binds every site.
EVERY_TIER = "ALL"

RequirementId = Annotated[str, StringConstraints(pattern=r"^(QH|KH08|CT|HP)-[A-Za-z0-9.-]{2,40}$")]
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,40}$")]


class Provenance(StrEnum):
    """Where a threshold comes from. A policy (P) is never shown as law."""

    SEED = "S"
    REGULATION = "R"
    POLICY = "P"


class Method(StrEnum):
    """How a requirement is judged: from collected evidence, or from a signed document."""

    MEASURED = "measured"
    ATTESTED = "attested"


class Clause(StrictModel):
    """The sentence of the plan a requirement stands on; ``lines`` are those of the published text."""

    document: Annotated[str, StringConstraints(pattern="^(QH|KH08|CT|HP)$")]
    ref: str = Field(min_length=1)
    lines: Annotated[str, StringConstraints(pattern=r"^\d+(-\d+)?(, ?\d+(-\d+)?)*$")]
    quote: str = Field(min_length=8)


class Threshold(StrictModel):
    """One number or word the judge compares with."""

    name: Identifier
    value: float | int | str
    unit: str = ""
    provenance: Provenance
    source: str = Field(min_length=2)


class RequirementCheck(StrictModel):
    """Which judge decides, which collectors it needs, and which services (``services.yml``) must be alive besides."""

    judge: Identifier
    collectors: tuple[Identifier, ...] = Field(min_length=1)
    services: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _collected(self) -> RequirementCheck:
        if bool(self.services) != ("services" in self.collectors):
            raise ValueError(N_("services are judged from what the collector 'services' brings: name both or neither"))
        return self


class RequirementOwner(StrictModel):
    """Who acts, and the head who answers for it."""

    unit: Text
    accountable: Text


class Due(StrictModel):
    """When it must be met: a date, or a note that says why there is none."""

    date: Date | None = None
    note: Text | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Due:
        if self.date is None and self.note is None:
            raise ValueError(N_("give a date, or a note that says why there is none"))
        return self


class Requirement(StrictModel):
    """One requirement: clause, meaning, whom it binds, who answers, how it is judged, how long a verdict lasts.

    ``provinces`` narrows a requirement that binds the units of some provinces only;
    empty means every site of the tiers. Times are seconds.
    """

    id: RequirementId
    group: Annotated[str, StringConstraints(pattern=r"^1\.[1-9]$")]
    clause: Clause
    meaning: Text
    tiers: tuple[str, ...] = Field(min_length=1)
    provinces: tuple[str, ...] = ()
    owner: RequirementOwner
    due: Due
    method: Method
    thresholds: tuple[Threshold, ...] = ()
    check: RequirementCheck
    validity_s: int = Field(gt=0)
    cadence_s: int = Field(gt=0)
    caveat: Text | None = None

    @model_validator(mode="after")
    def _sensible(self) -> Requirement:
        names = [threshold.name for threshold in self.thresholds]
        if len(names) != len(set(names)):
            raise ValueError(N_("two thresholds have the same name"))
        if self.cadence_s > self.validity_s:
            raise ValueError(N_("a verdict would go stale before the next one is due: cadence_s must be <= validity_s"))
        return self

    def threshold(self, name: str) -> Threshold:
        """Return a threshold by name; KeyError when the file has none of that name."""
        for threshold in self.thresholds:
            if threshold.name == name:
                return threshold
        raise KeyError(f"{self.id}: no threshold '{name}'")


def binds(requirement: Requirement, site: Site) -> bool:
    """Tell whether a requirement binds a site: by the tier, and by the province when it names some."""
    by_tier = EVERY_TIER in requirement.tiers or site.tier in requirement.tiers
    return by_tier and (not requirement.provinces or site.province in requirement.provinces)
