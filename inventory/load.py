"""Loading an estate folder: every file strictly, every reference checked, all errors of a run at once."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from core.errors import ErrorGroup, ExitCode, Place, RackproofError
from inventory.estate import Estate
from inventory.model import EstateFile, LinksFile, Model, ServicesFile, Site, TiersFile
from inventory.positions import Positioned, load_yaml

T = TypeVar("T", bound=Model)


def load_estate(folder: Path) -> Estate:
    """Load and check the estate in ``folder``.

    Raises RackproofError or ErrorGroup (codes EST…) with file, line, expectation and remedy for every mistake.
    """
    errors: list[RackproofError] = []
    head = _load(folder / "estate.yml", EstateFile, errors)
    _stop(errors)
    assert head is not None  # noqa: S101 - _stop raised otherwise
    tiers = _load((folder / head.tiers).resolve(), TiersFile, errors)
    sites = [_load(file, Site, errors) for file in sorted((folder / "sites").glob("*.yml"))]
    links = _load(folder / "links.yml", LinksFile, errors)
    services = _load(folder / "services.yml", ServicesFile, errors)
    _stop(errors)
    return Estate(
        root=folder,
        head=head,
        tiers=tiers.tiers if tiers else {},
        sites={site.site: site for site in sites if site},
        links=links.links if links else (),
        services={service.name: service for service in services.services} if services else {},
    )


def _load(file: Path, model: type[T], errors: list[RackproofError]) -> T | None:
    try:
        positioned = load_yaml(file)
        return model.model_validate(positioned.data)
    except ValidationError as error:
        errors.extend(_explain(item, positioned, model) for item in error.errors())
    except RackproofError as error:
        errors.append(error)
    return None


def _explain(item: Any, positioned: Positioned, model: type[Model]) -> RackproofError:
    place: Place = positioned.place(tuple(item["loc"]))
    remedy = ""
    if item["type"] == "extra_forbidden":
        close = get_close_matches(str(item["loc"][-1]), list(model.model_fields), n=1)
        remedy = f"did you mean '{close[0]}'?" if close else "remove the key"
    return RackproofError(
        "EST010", str(item["msg"]), place=place, actual=repr(item.get("input"))[:120], remedy=remedy,
        exit_code=ExitCode.INVALID,
    )


def _stop(errors: list[RackproofError]) -> None:
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ErrorGroup(errors)
