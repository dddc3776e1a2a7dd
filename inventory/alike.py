"""What many devices of an estate have alike, written and read once: most rooms of a nation are built the same way."""

# No deferred annotations here: pydantic would have to evaluate every one of them again, at every start.

from dataclasses import dataclass
from typing import Any

from pydantic import NonNegativeInt

from inventory.estate import Estate
from inventory.fields import Model
from inventory.model import Asset, Attachment, Device, PortUse, Resources, Routing, SnmpAccess


class Alike(Model):
    """Those fields of a device that are rarely its own, where they are written; types as in ``Device``."""

    role: str = ""
    hardware: str | None = None
    platform: str | None = None
    rack: str | None = None
    power_w: int | None = None
    wave: int | None = None
    asset: Asset | None = None
    attach: tuple[Attachment, ...] = ()
    ports: tuple[PortUse, ...] = ()
    routing: Routing | None = None
    snmp: SnmpAccess | None = None
    resources: Resources | None = None


@dataclass(frozen=True)
class Stored:
    """An estate whose devices may lack what they have alike; ``of`` gives each its entry, in the order of the files."""

    alike: tuple[Alike, ...]
    of: tuple[NonNegativeInt, ...]
    estate: Estate


FIELDS = tuple(Alike.model_fields)
LEFT_OUT: Any = {"estate": {"sites": {"__all__": {"devices": {"__all__": set(FIELDS)}}}}}


def apart(estate: Estate) -> Stored:
    """Return an estate beside what its devices have alike."""
    known: dict[str, int] = {}
    parts: list[Alike] = []
    of = []
    for device in _devices(estate):
        given = device.model_fields_set
        part = Alike.model_validate({name: getattr(device, name) for name in FIELDS if name in given})
        written = part.model_dump_json(exclude_unset=True)  # equal values may differ in what of them was written
        if written not in known:
            known[written] = len(parts)
            parts.append(part)
        of.append(known[written])
    return Stored(tuple(parts), tuple(of), estate)


def together(stored: Stored) -> Estate:
    """Return the estate of a stored one, whose devices nobody has seen yet. Raises ValueError when an entry lacks."""
    alike = [{name: getattr(part, name) for name in part.model_fields_set} for part in stored.alike]
    try:
        for device, number in zip(_devices(stored.estate), stored.of, strict=True):
            device.__dict__.update(alike[number])
            device.model_fields_set.update(alike[number])
    except IndexError:
        raise ValueError("a device has no entry") from None
    return stored.estate


def _devices(estate: Estate) -> list[Device]:
    return [device for site in estate.sites.values() for device in site.devices]
