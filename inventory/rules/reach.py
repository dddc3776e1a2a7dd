"""Management paths, before any device is touched: every site and every gateway has a way to a hub in the model.

Looked at only when nothing else is wrong, because a wrong link name would otherwise be said twice. IPv4 and IPv6 run
over the same links here, so that one way serves both.
"""

from __future__ import annotations

from collections.abc import Iterator

from core.errors import RackproofError
from inventory.draft import Draft
from inventory.mistakes import mistake


def check(draft: Draft) -> Iterator[RackproofError]:
    """Yield EST127 for a site that reaches no hub, EST128 for a VLAN whose gateway reaches none. Both are warnings."""
    reached, linked = _reached(draft), _linked(draft)
    if not reached:
        return  # an estate without route reflectors has nothing to be reached from
    for place in draft.sites:
        if not linked.intersection(place.devices) & reached:
            yield mistake("EST127", place.place("site"), actual=place.site.site)
            continue
        for index, vlan in enumerate(place.site.vlans):
            if vlan.gateway not in reached:
                where = place.place("vlans", index, "gateway")
                yield mistake("EST128", where, actual=vlan.gateway, vlan=vlan.name)


def _linked(draft: Draft) -> set[str]:
    return {end.device for item in draft.links for end in (item.link.a, item.link.b)}


def _reached(draft: Draft) -> set[str]:
    """Walk from the hubs' sites; through a router of a tier that is no transit the walk does not go on."""
    near: dict[str, list[str]] = {}
    for item in draft.links:
        one, other = item.link.a.device, item.link.b.device
        near.setdefault(one, []).append(other)
        near.setdefault(other, []).append(one)
    at = {name: place.site for name, (place, _device) in draft.devices.items()}
    hubs = {at[name].site for name in draft.head.addressing.route_reflectors if name in at}
    found = {name for name in near if name in at and at[name].site in hubs}
    todo = list(found)
    while todo:
        here = todo.pop()
        if not draft.tiers[at[here].tier].transit:
            continue
        new = [name for name in near[here] if name in at and name not in found]
        found.update(new)
        todo += new
    return found
