"""``hardware.yml``: the models of devices that an estate uses. What a model draws, which ports it has, what it can do.

A device names its model (``hardware: access-24``); nothing of this is written again at the device.
"""

# No deferred annotations here: pydantic would have to evaluate every one of them again, at every start.

import re
from collections.abc import Iterator
from itertools import chain

from pydantic import Field

from inventory.model.enums import DeviceKind, Feature
from inventory.model.fields import FreeText, Name, StrictModel, Whole

_RANGE = re.compile(r"([a-z]+)([0-9]+)(?:-([0-9]+))?")


class PortBlock(StrictModel):
    """Ports of one kind: ``{name: ge, count: 24}`` are ge1 to ge24."""

    name: Name
    count: Whole = Field(ge=1, le=512)
    first: Whole = Field(default=1, ge=0, le=512)
    speed_mbps: Whole = Field(gt=0)

    def names(self) -> Iterator[str]:
        """Yield the names of the ports, in order."""
        return (f"{self.name}{number}" for number in range(self.first, self.first + self.count))


class Hardware(StrictModel):
    """One model of device. ``power_w`` is the most it draws in watt; ``mtu`` the largest IP packet in bytes.

    ``features`` left out means that nobody has looked: not known is not "can".
    """

    kind: DeviceKind
    vendor: FreeText = ""
    model: FreeText = ""
    power_w: Whole = Field(ge=0)
    inlets: Whole = Field(default=1, ge=0, le=8, description="power inlets; two or more can take an A and a B cord")
    height_u: Whole | None = Field(default=None, ge=1, le=60)
    mtu: Whole = Field(default=1500, ge=1280, le=65535)
    ports: tuple[PortBlock, ...] = ()
    features: tuple[Feature, ...] | None = None

    def port_names(self) -> tuple[str, ...]:
        """Return the names of all ports, in order."""
        return tuple(chain.from_iterable(block.names() for block in self.ports))

    def count_ports(self) -> int:
        """Return how many names ``port_names`` has."""
        return sum(block.count for block in self.ports)


class HardwareFile(StrictModel):
    """``hardware.yml``: the catalogue of models by name."""

    hardware: dict[Name, Hardware]


def port_range(text: str) -> tuple[str, ...]:
    """Return the ports of a range as written: ``ge1-3`` is ge1, ge2, ge3. A range that runs backwards is empty."""
    match = _RANGE.fullmatch(text)
    if match is None:
        return ()
    first, last = int(match.group(2)), int(match.group(3) or match.group(2))
    return tuple(f"{match.group(1)}{number}" for number in range(first, last + 1))
