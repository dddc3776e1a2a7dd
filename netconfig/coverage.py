"""What the estate wants of a router and no template writes yet: said aloud, or refused where silence is wrong."""

from __future__ import annotations

from core.errors import ExitCode, RackproofError
from inventory.estate import Estate, Interface
from inventory.kinds import Assignment, Igp

_GLOBAL, _ETHERNET = "default", 1500


def require_renderable(estate: Estate, device: str) -> None:
    """Refuse a router whose configuration would be wrong, not just incomplete (NET011): its protocol, its VRFs."""
    held = estate.interfaces(device)
    igp = estate.devices[device].routing.igp
    wrong = [f"routing.igp {igp.value}"] if igp is not Igp.OSPFV3 else []
    wrong += sorted({f"vrf {_vrf(interface)}" for interface in held} - {f"vrf {_GLOBAL}"})
    if wrong:
        raise RackproofError(
            "NET011", f"the configuration of '{device}' cannot be written: {', '.join(wrong)}",
            expected="OSPFv3, and everything in the default VRF: that is what the templates know",
            remedy="change the estate, or add the feature to the platform's templates",
            exit_code=ExitCode.INVALID,
        )  # fmt: skip


def left_out(estate: Estate, device: str) -> tuple[str, ...]:
    """Return what the estate says of a router and its rendered configuration does not hold, in words."""
    found: dict[str, list[str]] = {}
    for interface in estate.interfaces(device):
        for feature in _features(interface):
            found.setdefault(feature, []).append(interface.name)
    return tuple(f"{feature} ({', '.join(names)})" for feature, names in found.items())


def _features(interface: Interface) -> list[str]:
    vlan = interface.vlan
    mtu = vlan.mtu if vlan else interface.link.mtu if interface.link else _ETHERNET
    wanted = {"MTU": mtu != _ETHERNET}
    if vlan is not None:
        wanted |= {
            "shared gateway address (VRRPv3)": bool(vlan.backups),
            "router advertisements": vlan.assignment is not Assignment.STATIC,
            "DHCPv6 relay": bool(vlan.relay),
            "packet filters": bool(vlan.filters),
        }
    return [feature for feature, used in wanted.items() if used]


def _vrf(interface: Interface) -> str:
    if interface.vlan is not None:
        return interface.vlan.vrf
    return interface.link.vrf if interface.link is not None else _GLOBAL
