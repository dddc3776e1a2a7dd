"""What must be unique: site codes and plan numbers, device names, loopbacks, link and VLAN ids, hosts, interfaces."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any

from core.errors import Place, RackproofError
from inventory.model.diagnostics import mistake
from inventory.model.entities import Device
from inventory.source.parsed_estate import Draft, DraftSite

Entry = tuple[Hashable, object, Callable[[], Place]]


def sites(draft: Draft) -> Iterator[RackproofError]:
    """Yield EST201 and EST202: two sites with one code or one place in the plan."""
    yield from _twice("EST201", ((s.site.site, s.site.site, _at(s, "site")) for s in draft.sites))
    yield from _twice(
        "EST202",
        (
            ((s.site.region, s.site.number), f"region {s.site.region}, number {s.site.number}", _at(s, "number"))
            for s in draft.sites
        ),
    )


def check(draft: Draft) -> Iterator[RackproofError]:
    """Yield EST203 to EST215: two things where there may be one, the second at its place, naming the first."""
    yield from _devices(draft)
    yield from _twice("EST206", ((i.link.id, i.link.id, _of(i.place, "id")) for i in draft.links))
    yield from _interfaces(draft)
    for place in draft.sites:
        yield from _inside(place)
    yield from _twice(
        "EST216",
        (
            (service.anycast, service.anycast, _of(draft.service_place, "services", index, "anycast"))
            for index, service in enumerate(draft.services)
            if service.anycast is not None
        ),
    )
    yield from _twice(
        "EST214",
        (
            (service.name, service.name, _of(draft.service_place, "services", index, "name"))
            for index, service in enumerate(draft.services)
        ),
    )


def _devices(draft: Draft) -> Iterator[RackproofError]:
    every = list(_list_devices(draft.sites))
    yield from _twice("EST203", ((d.name, d.name, _at(s, "devices", i, "name")) for s, i, d in every))
    yield from _twice(
        "EST204",
        (
            ((s.site.region, d.loopback), f"{d.loopback} in region {s.site.region}", _at(s, "devices", i, "loopback"))
            for s, i, d in every
            if d.loopback is not None
        ),
    )
    yield from _twice(
        "EST205",
        (
            (d.ipv4_loopback, d.ipv4_loopback, _at(s, "devices", i, "ipv4_loopback"))
            for s, i, d in every
            if d.ipv4_loopback
        ),
    )
    yield from _twice(
        "EST215",
        (
            (d.asset.serial, d.asset.serial, _at(s, "devices", i, "asset", "serial"))
            for s, i, d in every
            if d.asset and d.asset.serial
        ),
    )


def _interfaces(draft: Draft) -> Iterator[RackproofError]:
    entries: list[Entry] = []
    for place, index, device in _list_devices(draft.sites):
        for number, held in enumerate(device.attach):
            where = _at(place, "devices", index, "attach", number)
            entries.append(((device.name, held.interface), f"{device.name} {held.interface}", where))
    for item in draft.links:
        for side, end in (("a", item.link.a), ("b", item.link.b)):
            where = _of(item.place, side, "interface")
            entries.append(((end.device, end.interface), f"{end.device} {end.interface}", where))
    yield from _twice("EST207", entries)


def _list_devices(sites: Iterable[DraftSite]) -> Iterator[tuple[DraftSite, int, Device]]:
    """Yield every device with its site and its number there."""
    for place in sites:
        for index, device in enumerate(place.site.devices):
            yield place, index, device


def _list_hosts(place: DraftSite) -> Iterator[Entry]:
    """Yield every host number that a device has in a VLAN of its site."""
    for index, device in enumerate(place.site.devices):
        for number, held in enumerate(device.attach):
            where = _at(place, "devices", index, "attach", number, "host")
            yield (held.vlan, held.host), f"{held.vlan} {held.host}", where


def _list_positions(place: DraftSite) -> Iterator[Entry]:
    """Yield every measuring position of every rack of a site."""
    for index, rack in enumerate(place.site.racks):
        for number, name in enumerate(rack.positions):
            yield (rack.name, name), f"{rack.name}/{name}", _at(place, "racks", index, "positions", number)


def _inside(place: DraftSite) -> Iterator[RackproofError]:
    site = place.site
    blocks = ((True, v.name, _at(place, "vlans", i, "management")) for i, v in enumerate(site.vlans) if v.management)
    yield from _twice("EST217", blocks)
    yield from _twice("EST208", ((v.id, v.id, _at(place, "vlans", i, "id")) for i, v in enumerate(site.vlans)))
    yield from _twice("EST209", _list_hosts(place))
    yield from _twice("EST210", _list_positions(place))
    yield from _twice(
        "EST211",
        (
            ((s.device, s.quantity, s.index), f"{s.device} {s.quantity.value} {s.index}", _sensor(place, n))
            for n, s in enumerate(place.sensors)
        ),
    )
    yield from _twice(
        "EST212",
        (
            ((s.quantity, s.position), f"{s.quantity.value} {s.position}", _sensor(place, n))
            for n, s in enumerate(place.sensors)
        ),
    )
    answering = [(node.device, _at(place, "power", i, "device")) for i, node in enumerate(site.power)]
    answering += [(unit.device, _at(place, "cooling", i, "device")) for i, unit in enumerate(site.cooling)]
    yield from _twice("EST213", ((name, name, where) for name, where in answering if name))


def _twice(code: str, entries: Iterable[Any]) -> Iterator[RackproofError]:
    first: dict[Hashable, Callable[[], Place]] = {}
    for key, shown, where in entries:
        if key in first:
            place = first[key]()
            yield mistake(code, where(), actual=shown, first=f"{place.file.name}:{place.line}")
        first.setdefault(key, where)


def _at(place: DraftSite, *path: str | int) -> Callable[[], Place]:
    return lambda: place.place(*path)


def _of(placer: Callable[..., Place], *path: str | int) -> Callable[[], Place]:
    return lambda: placer(*path)


def _sensor(place: DraftSite, index: int) -> Callable[[], Place]:
    return lambda: place.sensor_place(index)
