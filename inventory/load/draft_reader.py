"""The files of an estate folder, each read strictly: a draft that nobody has checked across its files yet."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from core.errors import Place, RackproofError
from inventory.model.diagnostics import mistake
from inventory.model.entities import EstateFile, LinksFile, ServicesFile, Site, TiersFile
from inventory.model.fields import StrictModel
from inventory.model.hardware import HardwareFile
from inventory.model.policy import PoliciesFile
from inventory.source.estate_files import check_top
from inventory.source.parsed_estate import Draft, DraftLink, DraftSite, links_of_file, links_of_site
from inventory.source.positions import Positioned, load_yaml
from inventory.source.schema import schema_errors
from inventory.source.site_files import SiteSource, read_sites

HEAD, LINKS, SERVICES = "estate.yml", "links.yml", "services.yml"
#: What a head would name; where it cannot be read, nobody knows.
OPTIONAL = ("tiers.yml", "hardware.yml", "policies.yml")

T = TypeVar("T", bound=StrictModel)


def read_draft(folder: Path, errors: list[RackproofError]) -> Draft | None:
    """Read every file of an estate folder; mistakes of form go into ``errors``. None when there is no head to go by."""
    if not folder.is_dir():
        errors.append(mistake("EST030", Place(folder)))
        return None
    head, head_file = _load(folder / HEAD, EstateFile, errors)
    named = (head.tiers, head.hardware, head.policies) if head else OPTIONAL
    check_top(folder, (HEAD, LINKS, SERVICES, *filter(None, named)), errors)
    if head is None or head_file is None:
        return None
    tiers, _ = _load_named(folder, head.tiers, TiersFile, errors)
    hardware, hardware_file = _load_named(folder, head.hardware, HardwareFile, errors)
    policies, policies_file = _load_named(folder, head.policies, PoliciesFile, errors)
    sites = tuple(site for source in read_sites(folder, errors) if (site := _site(source, errors)))
    links, links_file = _load(folder / LINKS, LinksFile, errors)
    services, services_file = _load(folder / SERVICES, ServicesFile, errors)
    every: list[DraftLink] = []
    if links and links_file:
        every.extend(links_of_file(links.links, links_file))
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
    # Of a link that leads nowhere, or to no file, the estate holds the link.
    return _load(written.resolve() if written.is_file() else written, model, errors, written)


def _load(
    file: Path, model: type[T], errors: list[RackproofError], written: Path | None = None
) -> tuple[T | None, Positioned | None]:
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
    try:
        return DraftSite(source, Site.model_validate(source.data))
    except ValidationError as error:
        errors.extend(schema_errors(error, source.data, Site, lambda path: source.place(*path)))
    return None
