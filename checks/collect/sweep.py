"""One sweep of collecting: what is asked for, of which sites, for which run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from checks.model import Captured
from core.workspace import Workspace
from inventory.model.entities import Device
from inventory.model.estate import Estate

Job = Callable[[], list[Captured]]


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a run wants collected. ``collectors`` and ``sites`` are the names selected, never empty."""

    estate: Estate
    ws: Workspace
    run_id: str
    collectors: frozenset[str]
    sites: frozenset[str]
    context: dict[str, str] = field(default_factory=dict)

    def devices(self, *kinds: str) -> list[Device]:
        """Return the selected sites' devices of these kinds, in the order of the estate."""
        return [
            device
            for device in self.estate.devices.values()
            if device.kind.value in kinds and self.estate.site_of[device.name] in self.sites
        ]

    def by_role(self, *roles: str) -> list[Device]:
        """Return the hosts of the whole estate with one of these roles, whichever sites were selected."""
        return [
            device for device in self.estate.devices.values() if device.kind.value == "host" and device.role in roles
        ]


Plan = Callable[[Sweep], Iterable[Job]]
