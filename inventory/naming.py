"""Names of interfaces for DNS: a device's own name for where it is reached, else interface and device."""

from __future__ import annotations

import re
from collections.abc import Iterator

from inventory.estate import Estate, Interface


def label(interface: str) -> str:
    """Return an interface name as one DNS label (RFC 1123): ``Ge0/1.110`` is ``ge0-1-110``."""
    return re.sub(r"[^a-z0-9]+", "-", interface.lower()).strip("-")


def named(estate: Estate) -> Iterator[tuple[str, Interface]]:
    """Yield every interface with its name below the domain: ``dc-db1``, ``to-core2.dc-core1``. Order of the files."""
    for device in estate.devices:
        for index, interface in enumerate(estate.interfaces(device)):
            yield (device if index == 0 else f"{label(interface.name)}.{device}"), interface
