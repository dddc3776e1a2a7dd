"""The power and cooling graph of a site: components, what feeds them, and every load with the place it hangs on.

Utility -> generator -> ATS -> UPS -> PDU -> cords of devices; cooling units hang on the same chain and cool zones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter

from inventory.model.entities import CoolingUnit, Device, PowerNode, Rack, Site
from inventory.model.enums import DeviceKind
from inventory.model.hardware import Hardware

SOURCES = ("utility", "generator")
OUTLETS = ("pdu", "ups", "ats")
CHAIN = (*SOURCES, *OUTLETS)
# they carry power and draw none that is written; what a cooling unit draws is said by its hardware, at the unit
_CARRIERS = (DeviceKind.UPS, DeviceKind.PDU, DeviceKind.ATS, DeviceKind.GENERATOR)


@dataclass(frozen=True, slots=True)
class Load:
    """What draws power: a device through its cords, or a cooling unit through ``fed_by``. ``watt`` None: not known.

    Without ``feeds`` nobody has written where it is plugged in: it may hang on any component of the site, whatever the
    feeds of its rack are. ``zone``: where its heat goes; None when not known.
    """

    name: str
    watt: int | None
    feeds: tuple[str, ...]
    zone: str | None
    cools: bool = False

    @property
    def placed(self) -> bool:
        """Tell whether it is written where it is plugged in."""
        return bool(self.feeds)


@dataclass(frozen=True)
class Facility:
    """The graph of one site. Names of the chain that do not exist are left out: loading reports them."""

    site: Site
    hardware: Mapping[str, Hardware]

    @cached_property
    def nodes(self) -> dict[str, PowerNode]:
        """The components of the power chain by name."""
        return {node.name: node for node in self.site.power}

    @cached_property
    def cooling(self) -> dict[str, CoolingUnit]:
        """The cooling units by name."""
        return {unit.name: unit for unit in self.site.cooling}

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The components, each after everything that it feeds. Raises graphlib.CycleError on a circle."""
        fed: TopologicalSorter[str] = TopologicalSorter()
        for name, node in self.nodes.items():
            known = (feed for feed in node.fed_by if feed in self.nodes)
            fed.add(name, *known)
        return tuple(reversed(tuple(fed.static_order())))

    @cached_property
    def racks(self) -> dict[str, Rack]:
        """The racks by name."""
        return {rack.name: rack for rack in self.site.racks}

    @cached_property
    def zones(self) -> tuple[str, ...]:
        """The zones that hold racks or cooling units, in the order of the file."""
        return tuple(dict.fromkeys([r.zone for r in self.site.racks] + [u.zone for u in self.site.cooling]))

    @cached_property
    def loads(self) -> tuple[Load, ...]:
        """Everything that draws power: devices in the order of the file, then cooling units."""
        units = {unit.device for unit in self.site.cooling}
        plugged = [item for item in self.site.devices if item.cords or item.name not in units]
        devices = [self._device(item) for item in plugged if self._draws(item)]
        return (*devices, *(self._unit(unit) for unit in self.site.cooling))

    def inlets(self, device: Device) -> int | None:
        """Return how many power inlets a device has; None when it names no model."""
        model = self.hardware.get(device.hardware) if device.hardware else None
        if model:
            return model.inlets
        return None

    def upstream(self, name: str) -> frozenset[str]:
        """Return every component that ``name`` hangs on, itself included; empty for a name that is none."""
        return frozenset(upstream(name, self.nodes))

    def upstream_of(self, device: Device) -> set[str]:
        """Return every component that a device hangs on by any of its cords."""
        return upstream_of(device, self.nodes)

    def _watt(self, device: Device) -> int | None:
        """Return what a device draws at most; None when not known, and nothing that has an inlet draws nothing."""
        model = self.hardware.get(device.hardware) if device.hardware else None
        watt = model.power_w if device.power_w is None and model else device.power_w
        if watt == 0 and not self._passive(device):
            return None
        return watt

    def _passive(self, device: Device) -> bool:
        """Tell whether a device may draw nothing: what carries power, or has no inlet."""
        return device.kind in _CARRIERS or self.inlets(device) == 0

    def _draws(self, device: Device) -> bool:
        """Tell whether something goes dark with it."""
        return bool(device.cords or self._watt(device) or not self._passive(device))

    def _device(self, device: Device) -> Load:
        zone = None
        if device.rack in self.racks:
            zone = self.racks[device.rack].zone
        return Load(device.name, self._watt(device), device.cords, zone)

    def _unit(self, unit: CoolingUnit) -> Load:
        device = next((item for item in self.site.devices if item.name == unit.device), None)
        watt = (self._watt(device) or None) if device else None  # a fan at least turns
        return Load(unit.name, watt, unit.fed_by, unit.zone, cools=True)


def feeds_of(rack: Rack) -> tuple[str, ...]:
    """Return the feeds of a rack, A first; one that stands for both sides counts once."""
    return tuple(dict.fromkeys(feed for feed in (rack.feed_a, rack.feed_b) if feed is not None))


def upstream_of(device: Device, nodes: Mapping[str, PowerNode]) -> set[str]:
    """Return every component that a device hangs on by any of its cords."""
    found: set[str] = set()
    return found.union(*(upstream(cord, nodes) for cord in device.cords))


def upstream(name: str, nodes: Mapping[str, PowerNode]) -> set[str]:
    """Return every component that ``name`` hangs on, itself included."""
    found, todo = set(), [name]
    while todo:
        here = todo.pop()
        if here in nodes and here not in found:
            found.add(here)
            todo.extend(nodes[here].fed_by)
    return found
