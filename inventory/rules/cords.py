"""What a device is and how it is plugged in: its model exists and is of its kind, its cords fit inlets and sides."""

from __future__ import annotations

from collections.abc import Iterator

from core.errors import RackproofError
from inventory.facility.graph import feeds_of, upstream_of
from inventory.model.diagnostics import mistake
from inventory.model.entities import Device, PowerNode, Rack
from inventory.model.hardware import Hardware
from inventory.source.parsed_estate import Draft, DraftSite


def check(draft: Draft) -> Iterator[RackproofError]:
    """Yield EST172 to EST174, EST177 and EST178."""
    for place in draft.sites:
        nodes = {node.name: node for node in place.site.power}
        racks = {rack.name: rack for rack in place.site.racks}
        tier = draft.tiers.get(place.site.tier)
        for index, device in enumerate(place.site.devices):
            model = draft.hardware_of(device)
            yield from _model(draft, place, index, device, model)
            if not device.cords:
                continue
            yield from _inlets(place, index, device, model)
            rack = racks.get(device.rack) if device.rack else None
            if rack is not None and len(nodes.keys() & feeds_of(rack)) == 2:
                yield from _sides(place, index, device, rack, nodes)
                if tier is not None and tier.redundant_power and model and model.inlets > 1 == len(device.cords):
                    where = place.place("devices", index, "cords")
                    yield mistake(
                        "EST174",
                        where,
                        actual=device.cords[0],
                        name=device.name,
                        inlets=model.inlets,
                        tier=place.site.tier,
                    )


def _model(
    draft: Draft, place: DraftSite, index: int, device: Device, model: Hardware | None
) -> Iterator[RackproofError]:
    where = ("devices", index, "hardware")
    if device.hardware is not None and model is None:
        yield mistake("EST178", place.place(*where), actual=device.hardware, known=draft.hardware, name=device.name)
    elif model is not None and model.kind is not device.kind:
        yield mistake(
            "EST177",
            place.place(*where),
            actual=f"{device.hardware} ({model.kind.value})",
            name=device.name,
            kind=device.kind.value,
        )


def _inlets(place: DraftSite, index: int, device: Device, model: Hardware | None) -> Iterator[RackproofError]:
    if model is not None and len(device.cords) > model.inlets:
        yield mistake(
            "EST172",
            place.place("devices", index, "cords"),
            actual=len(device.cords),
            name=device.name,
            model=device.hardware,
            inlets=model.inlets,
        )


def _sides(
    place: DraftSite, index: int, device: Device, rack: Rack, nodes: dict[str, PowerNode]
) -> Iterator[RackproofError]:
    sides = upstream_of(device, nodes).intersection(feeds_of(rack))
    if len(device.cords) > 1 and len(sides) == 1:
        yield mistake(
            "EST173",
            place.place("devices", index, "cords"),
            actual=", ".join(device.cords),
            name=device.name,
            rack=rack.name,
            feeds=" + ".join(feeds_of(rack)),
        )
