"""Loading an estate folder: every file strictly, every reference checked, all errors of a run at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from core.errors import ErrorGroup, Place, RackproofError
from inventory.cache import Answer, Count, Found, through
from inventory.collection import no_collection
from inventory.estate import Estate
from inventory.fields import Model
from inventory.hardware import HardwareFile
from inventory.model import EstateFile, LinksFile, Service, ServicesFile, Site, TiersFile
from inventory.policy import PoliciesFile
from inventory.reads import looked_at

# What reads and judges files is imported where it is used: a remembered estate needs none of it.
if TYPE_CHECKING:
    from inventory.draft import Draft, DraftLink, DraftSite
    from inventory.positions import Positioned
    from inventory.sitefiles import SiteSource

T = TypeVar("T", bound=Model)


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a look at an estate folder found. ``estate`` is there only when there is no error."""

    draft: Draft | None
    estate: Estate | None
    errors: tuple[RackproofError, ...]
    warnings: tuple[RackproofError, ...]


def load_estate(folder: Path, *, cached: bool = True) -> Estate:
    """Load and check the estate in ``folder``; remembered when nothing that it rests on changed (``inventory.cache``).

    ``cached=False``: load it anew and remember nothing, as for a folder that is gone at once. Raises RackproofError or
    ErrorGroup (codes EST…) with file, line, expectation and remedy for every mistake. Warnings do not stop loading;
    ``check_estate`` returns them.
    """
    found: Found = check_estate(folder) if cached else inspect_estate(folder)
    if len(found.errors) == 1:
        raise found.errors[0]
    if found.estate is None:
        raise ErrorGroup(list(found.errors))
    return found.estate


def check_estate(folder: Path, count: Count | None = None) -> Answer:
    """Return what ``inspect_estate`` would say of an estate, without its draft; remembered when nothing changed.

    ``count`` makes the counts of the answer; they are remembered too.
    """
    return through(folder, inspect_estate, count)


@no_collection(stays=True)
def inspect_estate(folder: Path) -> Inspection:
    """Load an estate as far as it goes and return it with every error and warning, each once, sorted by place."""
    from inventory.mistakes import Warning_
    from inventory.rules import findings

    errors: list[RackproofError] = []
    draft = read_draft(folder, errors)
    if draft is not None:
        incomplete = any(not isinstance(error, Warning_) for error in errors)
        errors.extend(findings(draft, incomplete))
    found = _once(errors)
    wrong = tuple(error for error in found if not isinstance(error, Warning_))
    doubtful = tuple(error for error in found if isinstance(error, Warning_))
    return Inspection(draft, _estate(draft) if draft is not None and not wrong else None, wrong, doubtful)


def read_draft(folder: Path, errors: list[RackproofError]) -> Draft | None:
    """Read every file of an estate folder; mistakes of form go into ``errors``. None when there is no head to go by."""
    from inventory.draft import Draft, links_of_file, links_of_site
    from inventory.mistakes import mistake
    from inventory.sitefiles import read_sites

    if not folder.is_dir():
        errors.append(mistake("EST030", Place(folder)))
        return None
    head, head_file = _load(folder / "estate.yml", EstateFile, errors)
    if head is None or head_file is None:
        return None
    looked_at(folder / head.tiers)  # as written: where a link on the way leads may change
    tiers, _ = _load((folder / head.tiers).resolve(), TiersFile, errors)
    hardware, hardware_file = _beside(folder, head.hardware, HardwareFile, errors)
    policies, policies_file = _beside(folder, head.policies, PoliciesFile, errors)
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


def _beside(
    folder: Path, name: str | None, model: type[T], errors: list[RackproofError]
) -> tuple[T | None, Positioned | None]:
    """Read a file that the head of the estate names; it may be shared with another estate."""
    return _load((folder / name).resolve(), model, errors) if name else (None, None)


def _load(file: Path, model: type[T], errors: list[RackproofError]) -> tuple[T | None, Positioned | None]:
    from inventory.positions import load_yaml
    from inventory.schema import schema_errors

    try:
        positioned = load_yaml(file)
    except RackproofError as error:
        errors.append(error)
        return None, None
    try:
        return model.model_validate(positioned.data), positioned
    except ValidationError as error:
        errors.extend(schema_errors(error, positioned.data, model, positioned.place))
    return None, positioned


def _site(source: SiteSource, errors: list[RackproofError]) -> DraftSite | None:
    from inventory.draft import DraftSite
    from inventory.schema import schema_errors

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
