"""Two paths: the feeds of a rack stay apart, but for sources that others step in for; devices hang on both."""

from __future__ import annotations

from collections.abc import Iterator

from inventory.facility.graph import SOURCES, Facility, feeds_of
from inventory.facility.verdict import FacilityCase, FacilityFinding, FacilityOutcome
from inventory.model.entities import Device, Rack


def two_paths(case: FacilityCase) -> Iterator[FacilityFinding]:
    """Every rack has an A and a B feed without UPS, PDU or ATS in common, and no single source behind both."""
    for rack in case.facility.site.racks:
        feeds = feeds_of(rack)
        if not feeds:
            yield FacilityFinding(rack.name, FacilityOutcome.UNKNOWN, 0, 2, "paths", text="no_feed")
        elif len(feeds) < 2:
            yield FacilityFinding(rack.name, FacilityOutcome.FAIL, 1, 2, "paths", feeds, text="one_feed")
        else:
            yield _two(case, rack)
    if not case.facility.site.racks:
        yield _no_rack(case)


def both_sides(case: FacilityCase) -> Iterator[FacilityFinding]:
    """Every device with two inlets or more is plugged into both sides of its own rack."""
    for rack, devices in _fed(case):
        inlets = {d.name: case.facility.inlets(d) for d in devices}
        able = [d for d in devices if max(inlets[d.name] or 0, len(d.cords)) >= 2]
        bad = [d for d in able if d.cords and _sides(case.facility, rack, d) != set(feeds_of(rack))]
        unknown = [d for d in devices if (d in able and not d.cords) or (d not in able and inlets[d.name] is None)]
        yield _counted(rack, bad, unknown)
    yield from _unfed(case)


def single_corded(case: FacilityCase) -> Iterator[FacilityFinding]:
    """No device in a rack with two feeds has one cord only: it goes dark with the outlet at its other end."""
    for rack, devices in _fed(case):
        bad = [d for d in devices if len(d.cords) == 1]
        yield _counted(rack, bad, [d for d in devices if not d.cords])
    yield from _unfed(case)


def same_side(case: FacilityCase) -> Iterator[FacilityFinding]:
    """No device has all its cords at one outlet, or goes dark with one component while its rack still has a feed."""
    for rack, devices in _fed(case):
        bad = [d for d in devices if len(d.cords) > 1 and (len(set(d.cords)) == 1 or _exposed(case, rack, d))]
        yield _counted(rack, bad, [d for d in devices if not d.cords])
    yield from _unfed(case)


def foreign_cord(case: FacilityCase) -> Iterator[FacilityFinding]:
    """Every cord leads to a feed of the rack that the device stands in, or to what such a feed supplies."""
    for rack in case.facility.site.racks:
        feeds = set(feeds_of(rack))
        devices = _devices(case, rack)
        if not feeds:
            yield FacilityFinding(rack.name, FacilityOutcome.UNKNOWN, text="no_feed")
            continue
        bad = [device for device in devices if _leads_elsewhere(case.facility, device, feeds)]
        yield _counted(rack, bad, [device for device in devices if not device.cords])
    if not case.facility.site.racks:
        yield _no_rack(case)


def _leads_elsewhere(facility: Facility, device: Device, feeds: set[str]) -> bool:
    """Tell whether a cord of a device hangs on none of these feeds."""
    return any(feeds.isdisjoint(facility.upstream(cord)) for cord in device.cords)


def _two(case: FacilityCase, rack: Rack) -> FacilityFinding:
    shared = _shared(case, rack)
    if shared:
        return FacilityFinding(rack.name, FacilityOutcome.FAIL, 1, 2, "paths", shared)
    one, other = (case.facility.upstream(feed) for feed in feeds_of(rack))
    if one & other:
        return FacilityFinding(
            rack.name, FacilityOutcome.PASS, 2, 2, "paths", tuple(sorted(one & other)), text="common_source"
        )
    return FacilityFinding(rack.name, FacilityOutcome.PASS, 2, 2, "paths", feeds_of(rack))


def _shared(case: FacilityCase, rack: Rack) -> tuple[str, ...]:
    """Return what the two sides have in common: any equipment, and sources that leave no feed when they are lost."""
    one, other = (case.facility.upstream(feed) for feed in feeds_of(rack))
    both = one & other
    return tuple(
        name
        for name, node in case.facility.nodes.items()
        if name in both and (node.kind not in SOURCES or rack.name in case.without[name].dark)
    )


def _sides(facility: Facility, rack: Rack, device: Device) -> set[str]:
    """Return the feeds of its rack that a device is plugged into, directly or below them."""
    return facility.upstream_of(device).intersection(feeds_of(rack))


def _exposed(case: FacilityCase, rack: Rack, device: Device) -> bool:
    """Tell whether one component takes the device down and leaves its rack a feed."""
    return any(device.name in state.dropped and rack.name not in state.dark for state in case.without.values())


def _devices(case: FacilityCase, rack: Rack) -> list[Device]:
    drawing = {load.name for load in case.facility.loads}
    return [item for item in case.facility.site.devices if item.rack == rack.name and item.name in drawing]


def _fed(case: FacilityCase) -> Iterator[tuple[Rack, list[Device]]]:
    """Yield every rack with two feeds and what draws power in it."""
    for rack in case.facility.site.racks:
        if len(feeds_of(rack)) == 2:
            yield rack, _devices(case, rack)


def _unfed(case: FacilityCase) -> Iterator[FacilityFinding]:
    """Yield what cannot be asked of a rack that has not two feeds; that it has not is told by ``two_paths``."""
    for rack in case.facility.site.racks:
        feeds = feeds_of(rack)
        if len(feeds) == 1:
            yield FacilityFinding(rack.name, FacilityOutcome.NOT_APPLICABLE, text="one_feed_only")
        elif not feeds:
            yield FacilityFinding(rack.name, FacilityOutcome.UNKNOWN, text="no_feed")
    if not case.facility.site.racks:
        yield _no_rack(case)


def _counted(rack: Rack, bad: list[Device], unknown: list[Device]) -> FacilityFinding:
    if bad:
        return FacilityFinding(rack.name, FacilityOutcome.FAIL, len(bad), 0, "devices", tuple(d.name for d in bad))
    if unknown:
        return FacilityFinding(rack.name, FacilityOutcome.UNKNOWN, 0, 0, "devices", tuple(d.name for d in unknown))
    return FacilityFinding(rack.name, FacilityOutcome.PASS, 0, 0, "devices")


def _no_rack(case: FacilityCase) -> FacilityFinding:
    return FacilityFinding(case.facility.site.site, FacilityOutcome.UNKNOWN, text="no_rack")
