"""What differs between two states of an estate: sites, their parts, links, services, rules, and every address.

Objects are identified by their names and ids, so a changed order of lines is no change. What belongs to a site that is
new or gone is counted at that site and not listed piece by piece.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from inventory.model.entities import Site
from inventory.model.estate import Estate, Interface
from inventory.model.fields import StrictModel

_SITE_PARTS = ("vlans", "racks", "devices", "power", "cooling", "circuits", "sensors")
_LONG = 8  # names in a list that are still read one by one
_KINDS = {"vlans": "vlan", "racks": "rack", "devices": "device", "circuits": "circuit", "sensors": "sensor"}
#: Fields of a site that are compared as parts or as links.
_COMPARED_APART = frozenset({*_SITE_PARTS, "sensor_groups", "uplinks"})
#: The one field that a reader wants of a part that comes or goes.
_TELLING_FIELDS = {
    "vlan": "id",
    "device": "kind",
    "power": "rating_w",
    "cooling": "capacity_w",
    "circuit": "speed_mbps",
}


@dataclass(frozen=True, slots=True)
class EstateChange:
    """One difference. ``action`` is added, removed or changed; ``field``, ``before`` and ``after`` say what changed.

    ``sites`` are the sites it happens at: both ends of a link, every site of a tier.
    """

    action: str
    kind: str
    name: str
    sites: tuple[str, ...] = ()
    field: str = ""
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class ComparedPart:
    """An object of an estate, and the sites that are concerned when it changes."""

    item: StrictModel
    sites: tuple[str, ...]


#: Objects by kind and name.
Parts = dict[tuple[str, str], ComparedPart]


def find_changes(old: Estate, new: Estate) -> list[EstateChange]:
    """Return every difference from ``old`` to ``new``, in the order head, tiers, sites and parts, links, services."""
    found = [*compare_fields("estate", old.head.name, ComparedPart(old.head, ()), ComparedPart(new.head, ()))]
    found += compare_parts(list_tiers(old), list_tiers(new))
    found += compare_parts(list_catalogue(old), list_catalogue(new))
    for code in dict.fromkeys((*old.sites, *new.sites)):
        found += compare_site(old, new, code)
    found += compare_parts(list_links(old), list_links(new))
    found += compare_parts(list_services(old), list_services(new))
    return found


def compare_site(old: Estate, new: Estate, code: str) -> Iterator[EstateChange]:
    """Yield what changes at one site: itself, its parts and the addresses of its devices."""
    before, after = old.sites.get(code), new.sites.get(code)
    if before is None and after is not None:
        yield EstateChange("added", "site", code, (code,), after=summarize_site(new, after))
    elif after is None and before is not None:
        yield EstateChange("removed", "site", code, (code,), before=summarize_site(old, before))
    elif before is not None and after is not None:
        sites = (code,)
        yield from compare_fields(
            "site", code, ComparedPart(before, sites), ComparedPart(after, sites), _COMPARED_APART
        )
        if before != after:
            yield from compare_parts(list_site_parts(before), list_site_parts(after))
        yield from compare_addresses(old, new, before, after)


def summarize_site(estate: Estate, site: Site) -> str:
    """Say tier, prefix and size of a site that comes or goes."""
    interfaces = sum(estate.count_interfaces(device.name) for device in site.devices)
    return f"{site.tier}, {estate.site_prefix(site.site)}, {len(site.devices)} devices, {interfaces} interfaces"


def compare_addresses(old: Estate, new: Estate, before: Site, after: Site) -> Iterator[EstateChange]:
    """Yield addresses that change at devices that stay; those of a new or removed device come with it."""
    known = {device.name for device in before.devices}
    for device in after.devices:
        if device.name not in known:
            continue
        old_addresses = read_addresses(old.interfaces(device.name))
        new_addresses = read_addresses(new.interfaces(device.name))
        for interface in dict.fromkeys((*old_addresses, *new_addresses)):
            was, now = old_addresses.get(interface, ""), new_addresses.get(interface, "")
            if was != now:
                name = f"{device.name} {interface}"
                yield EstateChange(name_action(was, now), "address", name, (before.site,), "", was, now)


def read_addresses(interfaces: Iterable[Interface]) -> dict[str, str]:
    """Return interface → its addresses, separated by spaces."""
    return {interface.name: " ".join(map(str, interface.addresses)) for interface in interfaces}


def name_action(before: str, after: str) -> str:
    """Return what happened to a value that is empty where there is none."""
    if before and after:
        return "changed"
    if after:
        return "added"
    return "removed"


def list_site_parts(site: Site) -> Parts:
    """Return the parts of a site. A device's name is unique in the estate, those of the others only in the site."""
    found: Parts = {}
    for key in _SITE_PARTS:
        for item in getattr(site, key):
            name = item.name if key != "sensors" else f"{item.quantity.value} {item.position}"
            if key != "devices":
                name = f"{site.site} {name}"
            found[_KINDS.get(key, key), name] = ComparedPart(item, (site.site,))
    return found


def list_links(estate: Estate) -> Parts:
    """Return the links, each with the sites at its ends."""
    found: Parts = {}
    for link in estate.links:
        ends = (estate.site_of[link.a.device], estate.site_of[link.b.device])
        found["link", str(link.id)] = ComparedPart(link, tuple(dict.fromkeys(ends)))
    return found


def list_services(estate: Estate) -> Parts:
    """Return the services, each with the sites of its hosts."""
    found: Parts = {}
    for service in estate.services.values():
        sites = dict.fromkeys(estate.site_of[host] for host in service.hosts)
        found["service", service.name] = ComparedPart(service, tuple(sites))
    return found


def list_tiers(estate: Estate) -> Parts:
    """Return the tiers, each with its sites."""
    sites: dict[str, list[str]] = {name: [] for name in estate.tiers}
    for code, site in estate.sites.items():
        sites[site.tier].append(code)
    return {("tier", name): ComparedPart(tier, tuple(sites[name])) for name, tier in estate.tiers.items()}


def list_catalogue(estate: Estate) -> Parts:
    """Return models of devices, filters and guard profiles, each with the sites that use it."""
    catalogue: dict[str, Mapping[str, StrictModel]] = {
        "hardware": estate.hardware,
        "filter": estate.policies.filters,
        "guard": estate.policies.guards,
    }
    users: dict[tuple[str, str], dict[str, None]] = {}
    for code, site in estate.sites.items():
        for key in list_used(site):
            users.setdefault(key, {})[code] = None

    found: Parts = {}
    for kind, items in catalogue.items():
        for name, item in items.items():
            found[kind, name] = ComparedPart(item, tuple(users.get((kind, name), ())))
    return found


def list_used(site: Site) -> set[tuple[str, str]]:
    """Return kind and name of every entry of the catalogue that a site uses."""
    used: set[tuple[str, str]] = set()
    for device in site.devices:
        if device.hardware:
            used.add(("hardware", device.hardware))
        used |= {("guard", use.guard) for use in device.ports if use.guard}
    for vlan in site.vlans:
        used |= {("filter", name) for name in vlan.filters}
    return used


def compare_parts(old: Parts, new: Parts) -> Iterator[EstateChange]:
    """Yield the parts that come and go, and the fields that change of those that stay."""
    for key in dict.fromkeys((*old, *new)):
        kind, name = key
        before, after = old.get(key), new.get(key)
        if before is not None and after is None:
            yield EstateChange("removed", kind, name, before.sites, before=summarize_part(kind, before.item))
        elif after is not None and before is None:
            yield EstateChange("added", kind, name, after.sites, after=summarize_part(kind, after.item))
        elif before is not None and after is not None and before.item != after.item:
            yield from compare_fields(kind, name, before, after)


def summarize_part(kind: str, item: Any) -> str:
    """Say the one thing that a reader wants of a part that comes or goes."""
    if kind == "link":
        return f"{item.a.device} {item.a.interface} – {item.b.device} {item.b.interface}, {item.speed_mbps} Mb/s"
    field = _TELLING_FIELDS.get(kind)
    value = getattr(item, field, "") if field is not None else ""
    if value == "":
        return ""
    return f"{field} {value}"


def compare_fields(
    kind: str, name: str, old: ComparedPart, new: ComparedPart, skip: Iterable[str] = ()
) -> Iterator[EstateChange]:
    """Yield the fields of an object that change, but for those to skip, each as one change."""
    excluded = set(skip)
    before = flatten(old.item.model_dump(mode="json", exclude=excluded))
    after = flatten(new.item.model_dump(mode="json", exclude=excluded))
    sites = tuple(dict.fromkeys((*old.sites, *new.sites)))
    for field in dict.fromkeys((*before, *after)):
        was, now = before.get(field, ""), after.get(field, "")
        if was != now:
            yield EstateChange("changed", kind, name, sites, field, *shorten_lists(was, now))


def shorten_lists(before: str, after: str) -> tuple[str, str]:
    """Say of two long lists only how long they are, and what comes and goes."""
    was, now = before.split(", "), after.split(", ")
    if max(len(was), len(now)) <= _LONG:
        return before, after
    moved = [f"+{item}" for item in now if item not in was]
    moved += [f"-{item}" for item in was if item not in now]
    moves = ", ".join(moved) or "another order"
    return f"{len(was)} items", f"{len(now)} items: {moves}"


def flatten(value: Any, path: str = "") -> dict[str, str]:
    """Return dotted path → text of every value inside; objects in a list go by their names, where they have any."""
    if isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        value = {str(item.get("name", item.get("vlan", index))): item for index, item in enumerate(value)}
    if isinstance(value, Mapping):
        found: dict[str, str] = {}
        for key, inner in value.items():
            below = f"{path}.{key}" if path else str(key)
            found |= flatten(inner, below)
        return found
    if isinstance(value, list):
        return {path: ", ".join(str(item) for item in value)}
    return {path: "" if value is None else str(value)}
