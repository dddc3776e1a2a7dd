"""What the estate wants of a router and no template writes yet: said aloud, or refused where silence is wrong."""

from __future__ import annotations

from core.errors import RackproofError
from core.i18n import _
from inventory.model.enums import Assignment, Igp
from inventory.model.estate import Estate, Interface

_GLOBAL, _ETHERNET = "default", 1500


def require_renderable(estate: Estate, device: str) -> None:
    """Refuse a router whose configuration would be wrong, not just incomplete (NET011): its protocol, its VRFs."""
    held = estate.interfaces(device)
    igp = estate.devices[device].routing.igp
    wrong = [f"routing.igp {igp.value}"] if igp is not Igp.OSPFV3 else []
    wrong += sorted({f"vrf {find_vrf(interface)}" for interface in held} - {f"vrf {_GLOBAL}"})
    if wrong:
        raise RackproofError("NET011", actual=", ".join(wrong), device=device)


def list_left_out(estate: Estate, device: str) -> tuple[str, ...]:
    """Return what the estate says of a router and its rendered configuration does not hold, in words."""
    found: dict[str, list[str]] = {}
    for interface in estate.interfaces(device):
        for feature in list_features(interface):
            found.setdefault(feature, []).append(interface.name)
    return tuple(f"{feature} ({', '.join(names)})" for feature, names in found.items())


def list_features(interface: Interface) -> list[str]:
    """Return what an interface asks for that no template prints, in words."""
    vlan = interface.vlan
    carrier = vlan or interface.link
    wanted = {"MTU": carrier is not None and carrier.mtu != _ETHERNET}
    if vlan is not None:
        wanted |= {
            _("shared gateway address (VRRPv3)"): bool(vlan.backups),
            _("router advertisements"): vlan.assignment is not Assignment.STATIC,
            _("DHCPv6 relay"): bool(vlan.relay),
            _("packet filters"): bool(vlan.filters),
        }
    return [feature for feature, used in wanted.items() if used]


def find_vrf(interface: Interface) -> str:
    """Return the VRF of an interface."""
    if interface.vlan is not None:
        return interface.vlan.vrf
    if interface.link is not None:
        return interface.link.vrf
    return _GLOBAL
