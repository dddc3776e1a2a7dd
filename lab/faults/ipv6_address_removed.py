"""Somebody removes an IPv6 address of a router by hand, behind the back of its routing software.

The running configuration still shows the address and a reload sees nothing to do; only the kernel tells. So the mend
gives the address back to the kernel and then asks the routing software whether it has taken it in; when it has not,
it is typed anew, and as a last resort the routing software is restarted.
"""

import json
from itertools import chain

from core.errors import RackproofError
from core.i18n import _
from inventory.load.loader import load_estate
from inventory.model.fields import Text
from lab.command import ip_batch, run
from lab.faults.catalogue import LabFault
from lab.faults.tools import as_root, nothing_to_break, wait_until
from lab.instance import ESTATE, Instance

DEVICE, INTERFACE = "hph-edge1", "up1"
SETTLE_S = 5.0


def _make(instance: Instance) -> None:
    if not _in_kernel(instance):
        what = _("{interface} of {device} has no IPv6 address").format(interface=INTERFACE, device=DEVICE)
        raise nothing_to_break(what, "./rackproof net apply")
    ip_batch([f"addr del {_address()} dev {INTERFACE}"], instance.netns(DEVICE))


def _mend(instance: Instance) -> None:
    configured = f"ipv6 address {_address()}"
    if configured not in _vtysh(instance, "show running-config"):
        return  # the address is not intended any more: nothing may be put back
    if not _in_kernel(instance):
        ip_batch([f"addr add {_address()} dev {INTERFACE}"], instance.netns(DEVICE))
    if not _is_whole(instance):
        for line in (f"no {configured}", configured):
            _vtysh(instance, "configure terminal", f"interface {INTERFACE}", line)
    if not _is_whole(instance):
        as_root(instance, DEVICE, ["systemctl", "restart", "frr"], timeout=60)
    wait_until(lambda: _sees(instance), f"{DEVICE} {INTERFACE} has {_address()} again", 30)


def _is_whole(instance: Instance) -> bool:
    try:
        wait_until(lambda: _sees(instance), "address taken in", SETTLE_S)
    except RackproofError:
        return False
    return True


def _sees(instance: Instance) -> bool:
    """Tell whether both the kernel and the routing software have the address."""
    return _in_kernel(instance) and f"inet6 {_address()}" in _vtysh(instance, f"show interface {INTERFACE}")


def _in_kernel(instance: Instance) -> bool:
    argv = ["ip", "-n", instance.netns(DEVICE), "-json", "-6", "address", "show", "dev", INTERFACE]
    entries = chain.from_iterable(link.get("addr_info", ()) for link in json.loads(run(argv)))
    return _address() in [f"{entry['local']}/{entry['prefixlen']}" for entry in entries]


def _address() -> str:
    return str(next(i.ipv6 for i in load_estate(ESTATE).interfaces(DEVICE) if i.name == INTERFACE))


def _vtysh(instance: Instance, *lines: str) -> str:
    commands: list[str] = []
    for line in lines:
        commands += ["-c", line]
    return as_root(instance, DEVICE, ["vtysh", *commands])


FAULT = LabFault(
    "ipv6-address-removed",
    Text(
        en="an IPv6 address of the uplink of hph-edge1 is removed by hand",
        vi="một địa chỉ IPv6 trên uplink của hph-edge1 bị xóa bằng tay",
    ),
    _make,
    _mend,
)
