"""Loading an estate folder: every file strictly, every reference checked, all errors of a run at once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from core.errors import ErrorGroup, Place, RackproofError
from core.gc_pause import no_collection
from inventory.load.estate_cache import recall_estate, remember_estate
from inventory.model.entities import EstateFile, LinksFile, Service, ServicesFile, Site, TiersFile
from inventory.model.estate import Estate
from inventory.model.fields import StrictModel
from inventory.model.hardware import HardwareFile
from inventory.model.policy import PoliciesFile
from inventory.source.file_tracking import track_reads

# What reads and judges files is imported where it is used: a remembered estate needs none of it.
if TYPE_CHECKING:
    from inventory.source.parsed_estate import Draft, DraftLink, DraftSite
    from inventory.source.positions import Positioned
    from inventory.source.site_files import SiteSource

T = TypeVar("T", bound=StrictModel)


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a look at an estate folder found. ``estate`` is there only when there is no error."""

    draft: Draft | None
    estate: Estate | None
    errors: tuple[RackproofError, ...]
    warnings: tuple[RackproofError, ...]


def load_estate(folder: Path, *, cached: bool = True) -> Estate:
    """Load and check the estate in ``folder``; remembered while nothing it rests on changed (``estate_cache``).

    ``cached=False``: load it anew and remember nothing, as for a folder that is gone at once. Raises RackproofError or
    ErrorGroup (codes EST…) with file, line, expectation and remedy for every mistake. Warnings do not stop loading;
    ``check_estate`` returns them.
    """
    found = check_estate(folder, cached=cached)
    if len(found.errors) == 1:
        raise found.errors[0]
    if found.estate is None:
        raise ErrorGroup(list(found.errors))
    return found.estate


def check_estate(folder: Path, *, cached: bool = True) -> Inspection:
    """Return what ``inspect_estate`` says of an estate; remembered, and then without draft, while nothing changed.

    ``cached=False``, or ``RACKPROOF_NO_CACHE`` in the environment: load it anew and remember nothing.
    """
    if not cached or os.environ.get("RACKPROOF_NO_CACHE"):
        return inspect_estate(folder)
    remembered = recall_estate(folder)
    if remembered is not None:
        estate, warnings = remembered
        return Inspection(None, estate, (), warnings)
    with track_reads() as reads:
        found = inspect_estate(folder)
    if found.estate is not None:
        remember_estate(folder, reads, found.estate, found.warnings)
    return found


@no_collection(stays=True)
def inspect_estate(folder: Path) -> Inspection:
    """Load an estate as far as it goes and return it with every error and warning, each once, sorted by place."""
    from core.errors import EstateWarning
    from inventory.rules import findings

    errors: list[RackproofError] = []
    draft = read_draft(folder, errors)
    if draft is not None:
        incomplete = any(not isinstance(error, EstateWarning) for error in errors)
        errors.extend(findings(draft, incomplete))
    found = _once(errors)
    wrong = tuple(error for error in found if not isinstance(error, EstateWarning))
    doubtful = tuple(error for error in found if isinstance(error, EstateWarning))
    return Inspection(draft, _estate(draft) if draft is not None and not wrong else None, wrong, doubtful)


def read_draft(folder: Path, errors: list[RackproofError]) -> Draft | None:
    """Read every file of an estate folder; mistakes of form go into ``errors``. None when there is no head to go by."""
    from inventory.model.diagnostics import mistake
    from inventory.source.estate_files import check_top
    from inventory.source.parsed_estate import Draft, links_of_file, links_of_site
    from inventory.source.site_files import read_sites

    if not folder.is_dir():
        errors.append(mistake("EST030", Place(folder)))
        return None
    check_top(folder, errors)
    head, head_file = _load(folder / "estate.yml", EstateFile, errors)
    if head is None or head_file is None:
        return None
    tiers, _ = _load_named(folder, head.tiers, TiersFile, errors)
    hardware, hardware_file = _load_named(folder, head.hardware, HardwareFile, errors)
    policies, policies_file = _load_named(folder, head.policies, PoliciesFile, errors)
    sites = tuple(site for source in read_sites(folder, errors) if (site := _site(source, errors)))
    links, links_file = _load(folder / "links.yml", LinksFile, errors)
    services, services_file = _load(folder / "services.yml", ServicesFile, errors)
    every: list[DraftLink] = links_of_file(links.links, links_file) if links and links_file else []
    for site in sites:
        every.extend(links_of_site(site, head))
    return Draft(
        folder,
        head,
        head_file,
        tiers.tiers if tiers else {},
        sites,
        tuple(every),
        services.services if services else (),
        services_file,
        hardware.hardware if hardware else {},
        hardware_file,
        policies or PoliciesFile(),
        policies_file,
    )


def _load_named(
    folder: Path, name: str | None, model: type[T], errors: list[RackproofError]
) -> tuple[T | None, Positioned | None]:
    """Read a file that the head of the estate names; it may be shared with another estate."""
    if not name:
        return None, None
    written = folder / name
    return _load(written.resolve(), model, errors, written)


def _load(
    file: Path, model: type[T], errors: list[RackproofError], written: Path | None = None
) -> tuple[T | None, Positioned | None]:
    from inventory.source.positions import load_yaml
    from inventory.source.schema import schema_errors

    try:
        positioned = load_yaml(file, written)
    except RackproofError as error:
        errors.append(error)
        return None, None
    try:
        return model.model_validate(positioned.data), positioned
    except ValidationError as error:
        errors.extend(schema_errors(error, positioned.data, model, positioned.place))
    return None, positioned


def _site(source: SiteSource, errors: list[RackproofError]) -> DraftSite | None:
    from inventory.source.parsed_estate import DraftSite
    from inventory.source.schema import schema_errors

    try:
        return DraftSite(source, Site.model_validate(source.data))
    except ValidationError as error:
        errors.extend(schema_errors(error, source.data, Site, lambda path: source.place(*path)))
    return None


def _estate(draft: Draft) -> Estate:
    sites = {place.site.site: place.site.model_copy(update={"sensors": place.sensors}) for place in draft.sites}
    return Estate(
        root=draft.folder,
        head=draft.head,
        tiers=draft.tiers,
        sites=sites,
        links=tuple(item.link for item in draft.links),
        services={service.name: _placed(draft, service) for service in draft.services},
        hardware=draft.hardware,
        policies=draft.policies,
    )


def _placed(draft: Draft, service: Service) -> Service:
    """Return a service with the hosts its role gives written out."""
    return service.model_copy(update={"hosts": draft.hosts_of(service)}) if service.on_role is not None else service


def _once(errors: list[RackproofError]) -> list[RackproofError]:
    """Return errors sorted by place, each once: a mistake in an archetype is one mistake, not one per site."""
    if not errors:
        return []
    seen: dict[tuple[object, ...], RackproofError] = {}
    for error in ErrorGroup(errors).errors:
        place = error.place
        key = (error.code, place.file, place.line, place.path if not _shared(place) else "") if place else (error.code,)
        seen.setdefault(key, error)
    return list(seen.values())


def _shared(place: Place) -> bool:
    return place.file.parent.name == "archetypes"
