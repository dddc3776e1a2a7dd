"""The answers of ``failures`` and ``facility`` as rows, for the whole estate and for one site."""

from __future__ import annotations

from itertools import chain
from typing import Any

from inventory.facility import power_losses, redundancy, single_corded
from inventory.model.entities import Site
from inventory.model.enums import DeviceKind
from inventory.model.estate import Estate
from inventory.network.failures import Failure, Network

Rows = list[dict[str, Any]]
_POWERED = (DeviceKind.ROUTER, DeviceKind.SWITCH, DeviceKind.FIREWALL, DeviceKind.HOST, DeviceKind.CONTROLLER)
_NAMED = 6


def of_estate(estate: Estate) -> dict[str, Rows]:
    """Return the failures that cut something, worst first, and what power losses each kind of tier shows."""
    network = Network(estate)
    felt = [failure for failure in network.failures() if failure.cut or failure.without_gateway]
    felt.sort(key=lambda failure: (-len(failure.cut), -len(failure.without_gateway), failure.name))
    return {
        "sites that reach no hub": [{"site": code} for code in network.unreached()],
        "network, one loss": [_row(failure) for failure in felt],
        "power, one loss": list(chain.from_iterable(_power(estate, code) for code in estate.sites)),
    }


def of_site(estate: Estate, code: str) -> dict[str, Rows]:
    """Return what cuts one site, what one power component takes down there, and how its groups are redundant."""
    felt = [f for f in Network(estate).failures() if code in f.cut or code in f.without_gateway]
    site = estate.sites[code]
    return {
        "network, one loss": [
            {"lost": f"{f.kind} {f.name}", "effect": "cut" if code in f.cut else "without gateway"} for f in felt
        ],
        "power, one loss": _power(estate, code),
        "devices whose power is not known": [{"device": name} for name in _without_cords(site)],
        "redundancy by rating": [
            {
                "group": group.group,
                "members": ", ".join(group.members),
                "rating_w": group.rating_w,
                "without_largest_w": group.without_largest_w,
            }
            for group in redundancy(site)
        ],
        "one cord in a rack with two feeds": [{"device": name} for name in single_corded(site)],
    }


def _without_cords(site: Site) -> list[str]:
    """Return what needs power and says no cord: no loss of power is ever seen to take it down."""
    return [device.name for device in site.devices if device.kind in _POWERED and not device.cords]


def _row(failure: Failure) -> dict[str, Any]:
    return {
        "lost": f"{failure.kind} {failure.name}",
        "cut": len(failure.cut),
        "without_gateway": len(failure.without_gateway),
        "sites": _some(failure.cut or failure.without_gateway),
    }


def _power(estate: Estate, code: str) -> Rows:
    return [
        {"site": code, "lost": loss.component, "racks": _some(loss.racks), "devices": _some(loss.devices)}
        for loss in power_losses(estate.sites[code])
        if loss.racks or loss.devices
    ]


def _some(names: tuple[str, ...]) -> str:
    rest = f", … ({len(names)})" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + rest
