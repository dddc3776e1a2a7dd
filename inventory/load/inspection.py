"""A look at an estate folder: read, judged by every rule, and, where nothing is wrong, made an estate."""

from __future__ import annotations

from pathlib import Path

from core.errors import ErrorGroup, EstateWarning, RackproofError
from core.gc_pause import no_collection
from inventory.load.draft_reader import read_draft
from inventory.load.estate_cache import Inspection
from inventory.model.entities import Service
from inventory.model.estate import Estate
from inventory.rules import findings
from inventory.source.parsed_estate import Draft


@no_collection(stays=True)
def inspect_estate(folder: Path) -> Inspection:
    """Load an estate as far as it goes and return it with every error and warning, each once, sorted by place."""
    errors: list[RackproofError] = []
    draft = read_draft(folder, errors)
    if draft is not None:
        incomplete = any(not isinstance(error, EstateWarning) for error in errors)
        errors.extend(findings(draft, incomplete))
    found = _once(errors)
    wrong = tuple(error for error in found if not isinstance(error, EstateWarning))
    doubtful = tuple(error for error in found if isinstance(error, EstateWarning))
    if draft is None or wrong:
        return Inspection(draft, None, wrong, doubtful)
    return Inspection(draft, build_estate(draft), wrong, doubtful)


def build_estate(draft: Draft) -> Estate:
    """Return the estate that a draft without errors describes."""
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
    if service.on_role is not None:
        return service.model_copy(update={"hosts": draft.hosts_of(service)})
    return service


def _once(errors: list[RackproofError]) -> list[RackproofError]:
    """Return errors sorted by place, each once: a mistake in an archetype is one mistake, not one per site."""
    if not errors:
        return []
    seen: dict[tuple[object, ...], RackproofError] = {}
    for error in ErrorGroup(errors).errors:
        seen.setdefault(_identify(error), error)
    return list(seen.values())


def _identify(error: RackproofError) -> tuple[object, ...]:
    """Return what two errors that are one mistake have in common."""
    place = error.place
    if place is None:
        return (error.code,)
    if place.file.parent.name == "archetypes":
        return (error.code, place.file, place.line)
    return (error.code, place.file, place.line, place.path)
