"""What of the product itself must run, and on whose hosts: the data (``services.yml``) and what is asked for it.

A requirement names services under ``check: services``. Which host must have one follows from the host's role in the
estate. How they are judged is in ``checks.judge.liveness``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints, model_validator

from core.i18n import N_
from inventory.export.prometheus import targets
from inventory.model.entities import Device
from inventory.model.estate import Estate
from inventory.model.fields import Name, StrictModel, Text

FILE = Path(__file__).resolve().parent / "services.yml"
#: The evidence of one host: collector and key.
COLLECTOR, STATE = "services", "state"
EVERY_HOST = "all"
HOST = "host"

Unit = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9@._-]+\.(service|timer|socket)$")]
Socket = Annotated[str, StringConstraints(pattern=r"^(tcp|udp)/\d{1,5}$")]


class Whose(StrEnum):
    """Whose samples a page must give: its own, of every device that is polled, of every target of Prometheus."""

    SELF = "self"
    DEVICES = "devices"
    TARGETS = "targets"


class Page(StrictModel):
    """One page that must answer: with a text in it, or with samples whose values are moments (seconds, Unix time)."""

    port: int = Field(gt=0, lt=65536)
    path: Annotated[str, StringConstraints(pattern="^/")]
    says: str = ""
    samples: str = ""
    of: Whose | None = None
    max_age_s: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _sensible(self) -> Page:
        dated = (bool(self.samples), self.of is not None, self.max_age_s is not None)
        if any(dated) and not all(dated):
            raise ValueError(N_("`samples`, `of` and `max_age_s` belong together"))
        if not self.says and not self.samples:
            raise ValueError(N_("say what the page must hold: says or samples"))
        return self


class Timer(StrictModel):
    """One timer: its unit, the job that it starts, and how long it may be since it last did (seconds)."""

    unit: Unit
    job: Unit
    max_age_s: float = Field(gt=0)


class WatchedService(StrictModel):
    """One service: the roles whose hosts must have it, and how it is known to be alive."""

    title: Text
    roles: tuple[Name, ...] = Field(min_length=1)
    least: int = Field(default=0, ge=0)
    seen_from: Name | None = None
    unit: Unit | None = None
    program: str = ""
    listens: tuple[Socket, ...] = ()
    asks: tuple[Page, ...] = ()
    timers: tuple[Timer, ...] = ()

    @model_validator(mode="after")
    def _sensible(self) -> WatchedService:
        if self.unit is not None and not self.program:
            raise ValueError(N_("a unit needs the program that it must run"))
        if self.seen_from and (self.unit or self.timers or self.listens):
            raise ValueError(N_("what is seen from elsewhere is known by its pages alone"))
        if not (self.unit or self.asks or self.timers):
            raise ValueError(N_("nothing says how it is known to be alive: unit, asks or timers"))
        return self

    def belongs_on(self, device: Device) -> bool:
        """Tell whether a device must have this service."""
        is_host = device.kind.value == HOST
        return device.role in self.roles or (is_host and EVERY_HOST in self.roles)


class Services(StrictModel):
    """The whole file. ``settle_s`` lies between the two looks; what was restarted must be up for ``steady_s``."""

    settle_s: float = Field(gt=0, le=10)
    steady_s: float = Field(gt=0)
    services: dict[Name, WatchedService] = Field(min_length=1)


@lru_cache(maxsize=4)
def read_services(file: Path = FILE) -> Services:
    """Return the services of a file. Raises RackproofError with file and line for what cannot be right."""
    from core.models import read_model

    return read_model(file, Services)


def find_hosts(estate: Estate, service: WatchedService, site: str | None = None) -> list[Device]:
    """Return the devices (of one site) that must have a service, in the order of the estate."""
    devices = estate.devices.values() if site is None else estate.sites[site].devices
    return [device for device in devices if service.belongs_on(device)]


def name_page(service: str, device: str, page: Page) -> str:
    """Return the name under which an answer stands in the evidence."""
    return f"{service} {device} {page.port}{page.path}"


def expect_samples(estate: Estate, page: Page) -> frozenset[str]:
    """Return whose samples must be on a page: names of devices, or ``job device`` of the targets of Prometheus."""
    if page.of is Whose.DEVICES:
        return frozenset(device.name for device in estate.devices.values() if device.snmp is not None)
    if page.of is Whose.TARGETS:
        return frozenset(
            f"{job} {target['labels']['device']}"
            for job, found in targets(estate).items()
            if job in SCRAPED_JOBS
            for target in found
        )
    return frozenset()


#: The jobs of Prometheus in which our own exporters are scraped.
SCRAPED_JOBS = ("node", "rackproof")


def make_question(estate: Estate, device: Device) -> str:
    """Return what the probe on a host is asked to look at, as JSON: all that belongs on it or is seen from it."""
    found = read_services()
    units: set[str] = set()
    sockets: set[str] = set()
    pages: list[tuple[str, str, list[str]]] = []
    for name, service in found.services.items():
        if service.belongs_on(device) and service.seen_from is None:
            units.update(list_units(service))
            sockets.update(service.listens)
            pages += list_pages(estate, name, service, device)
        if service.seen_from == device.role:
            for other in find_hosts(estate, service):
                pages += list_pages(estate, name, service, other)
    question: dict[str, Any] = {
        "units": sorted(units),
        "sockets": sorted(sockets),
        "pages": pages,
        "settle_s": found.settle_s,
    }
    return json.dumps(question, sort_keys=True)


def list_units(service: WatchedService) -> Iterable[str]:
    """Yield the units of systemd that a service has."""
    if service.unit is not None:
        yield service.unit
    for timer in service.timers:
        yield from (timer.unit, timer.job)


def list_pages(estate: Estate, name: str, service: WatchedService, device: Device) -> list[tuple[str, str, list[str]]]:
    """Return the pages of a service on a device: name, URL, and the beginnings of the lines that are kept of each."""
    address = estate.address(device.name)
    host = f"[{address.host}]" if address.ipv6 else str(address.host)
    found = []
    for page in service.asks:
        # Prometheus answers a query with what was asked for; of a page of metrics only those lines are kept.
        is_metric = page.samples and "?" not in page.path
        keep = [page.samples] if is_metric else []
        found.append((name_page(name, device.name, page), f"http://{host}:{page.port}{page.path}", keep))
    return found


def check_services(names: Iterable[str]) -> list[str]:
    """Return the names that no service has."""
    known = read_services().services
    return [name for name in names if name not in known]


Answer = Mapping[str, Any]
