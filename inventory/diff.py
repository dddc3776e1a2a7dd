"""What differs between two states of an estate: sites, their parts, links, services, rules, and every address.

Objects are told apart by their names and ids, so a changed order of lines is no change. What belongs to a site that is
new or gone is counted at that site and not told piece by piece.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from inventory.estate import Estate
from inventory.fields import Model
from inventory.model import Site

Parts = dict[tuple[str, str], tuple[Model, tuple[str, ...]]]
_SITE_PARTS = ("vlans", "racks", "devices", "power", "cooling", "circuits", "sensors")
_LONG = 8  # names in a list that are still read one by one
_KINDS = {"vlans": "vlan", "racks": "rack", "devices": "device", "circuits": "circuit", "sensors": "sensor"}
_DERIVED = frozenset({*_SITE_PARTS, "sensor_groups", "uplinks"})  # told as parts or as links


@dataclass(frozen=True, slots=True)
class Change:
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


def changes(old: Estate, new: Estate) -> list[Change]:
    """Return every difference from ``old`` to ``new``, in the order head, tiers, sites and parts, links, services."""
    found = [*_fields("estate", old.head.name, (), old.head, new.head)]
    found += _compare(_tiers(old), _tiers(new))
    found += _compare(_catalogue(old), _catalogue(new))
    for code in dict.fromkeys((*old.sites, *new.sites)):
        found += _site(old, new, code)
    found += _compare(_links(old), _links(new))
    found += _compare(_services(old), _services(new))
    return found


def _site(old: Estate, new: Estate, code: str) -> Iterator[Change]:
    before, after = old.sites.get(code), new.sites.get(code)
    if before is None and after is not None:
        yield Change("added", "site", code, (code,), after=_summary(new, after))
    elif after is None and before is not None:
        yield Change("removed", "site", code, (code,), before=_summary(old, before))
    elif before is not None and after is not None:
        yield from _fields("site", code, (code,), before, after, _DERIVED)
        if before != after:
            yield from _compare(_parts(before), _parts(after))
        yield from _addresses(old, new, before, after)


def _summary(estate: Estate, site: Site) -> str:
    held = sum(len(estate.interfaces(device.name)) for device in site.devices)
    return f"{site.tier}, {estate.site_prefix(site.site)}, {len(site.devices)} devices, {held} interfaces"


def _addresses(old: Estate, new: Estate, before: Site, after: Site) -> Iterator[Change]:
    """Yield addresses that change at devices that stay; those of a new or removed device come with it."""
    stay = {device.name for device in before.devices} & {device.name for device in after.devices}
    for device in (d.name for d in after.devices if d.name in stay):
        was = {i.name: " ".join(map(str, i.addresses)) for i in old.interfaces(device)}
        now = {i.name: " ".join(map(str, i.addresses)) for i in new.interfaces(device)}
        for name in dict.fromkeys((*was, *now)):
            one, other = was.get(name, ""), now.get(name, "")
            if one != other:
                action = "changed" if one and other else "added" if other else "removed"
                yield Change(action, "address", f"{device} {name}", (before.site,), "", one, other)


def _parts(site: Site) -> Parts:
    found: Parts = {}
    for key in _SITE_PARTS:
        for item in getattr(site, key):
            name = f"{item.quantity.value} {item.position}" if key == "sensors" else item.name
            found[_KINDS.get(key, key), f"{site.site} {name}" if key != "devices" else name] = (item, (site.site,))
    return found


def _links(estate: Estate) -> Parts:
    return {
        ("link", str(link.id)): (link, tuple(dict.fromkeys(estate.site_of[end.device] for end in (link.a, link.b))))
        for link in estate.links
    }


def _services(estate: Estate) -> Parts:
    return {
        ("service", service.name): (service, tuple(dict.fromkeys(estate.site_of[host] for host in service.hosts)))
        for service in estate.services.values()
    }


def _tiers(estate: Estate) -> Parts:
    return {
        ("tier", name): (tier, tuple(code for code, site in estate.sites.items() if site.tier == name))
        for name, tier in estate.tiers.items()
    }


def _catalogue(estate: Estate) -> Parts:
    """Return models of devices, filters and guard profiles, each with the sites that use it."""
    users: dict[tuple[str, str], dict[str, None]] = {}
    for code, site in estate.sites.items():
        used = {("hardware", device.hardware) for device in site.devices if device.hardware}
        used |= {("filter", name) for vlan in site.vlans for name in vlan.filters}
        used |= {("guard", use.guard) for device in site.devices for use in device.ports if use.guard}
        for key in used:
            users.setdefault(key, {})[code] = None
    kinds: dict[str, Mapping[str, Model]] = {
        "hardware": estate.hardware,
        "filter": estate.policies.filters,
        "guard": estate.policies.guards,
    }
    return {
        (kind, name): (item, tuple(users.get((kind, name), ())))
        for kind, items in kinds.items()
        for name, item in items.items()
    }


def _compare(old: Parts, new: Parts) -> Iterator[Change]:
    for key in dict.fromkeys((*old, *new)):
        kind, name = key
        if key not in new:
            yield Change("removed", kind, name, old[key][1], before=_brief(kind, old[key][0]))
        elif key not in old:
            yield Change("added", kind, name, new[key][1], after=_brief(kind, new[key][0]))
        elif old[key][0] != new[key][0]:
            sites = tuple(dict.fromkeys((*old[key][1], *new[key][1])))
            yield from _fields(kind, name, sites, old[key][0], new[key][0])


def _brief(kind: str, item: Any) -> str:
    """Say the one thing that a reader wants of a part that comes or goes."""
    if kind == "link":
        return f"{item.a.device} {item.a.interface} – {item.b.device} {item.b.interface}, {item.speed_mbps} Mb/s"
    shown = {"vlan": "id", "device": "kind", "power": "rating_w", "cooling": "capacity_w", "circuit": "speed_mbps"}
    value = getattr(item, shown[kind], "") if kind in shown else ""
    return f"{shown[kind]} {value}" if value != "" else ""


def _fields(
    kind: str, name: str, sites: tuple[str, ...], old: Model, new: Model, skip: Iterable[str] = ()
) -> Iterator[Change]:
    was, now = _flat(old.model_dump(mode="json", exclude=set(skip))), _flat(
        new.model_dump(mode="json", exclude=set(skip))
    )
    for field in dict.fromkeys((*was, *now)):
        one, other = was.get(field, ""), now.get(field, "")
        if one != other:
            yield Change("changed", kind, name, sites, field, *_short(one, other))


def _short(one: str, other: str) -> tuple[str, str]:
    """Say of two long lists only how long they are, and what comes and goes."""
    was, now = one.split(", "), other.split(", ")
    if max(len(was), len(now)) <= _LONG:
        return one, other
    moved = [f"+{item}" for item in now if item not in was] + [f"-{item}" for item in was if item not in now]
    return f"{len(was)} items", f"{len(now)} items: {', '.join(moved) or 'another order'}"


def _flat(value: Any, path: str = "") -> dict[str, str]:
    if isinstance(value, Mapping):
        found: dict[str, str] = {}
        for key, inner in value.items():
            found |= _flat(inner, f"{path}.{key}" if path else str(key))
        return found
    if isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        return _flat({str(item.get("name", item.get("vlan", index))): item for index, item in enumerate(value)}, path)
    if isinstance(value, list):
        return {path: ", ".join(str(item) for item in value)}
    return {path: "" if value is None else str(value)}
