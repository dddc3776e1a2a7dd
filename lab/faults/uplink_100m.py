"""An uplink of the provincial room falls back to 100 Mb/s, as after a bad cable; it still carries traffic."""

from core.errors import RackproofError
from core.i18n import _
from inventory.load.loader import load_estate
from inventory.model.fields import Text
from lab import network
from lab.command import run
from lab.enter import argv_inside
from lab.faults.catalogue import LabFault
from lab.instance import ESTATE, Instance

DEVICE, INTERFACE, FALLEN_MBPS = "hph-edge1", "up1", 100


def _make(instance: Instance) -> None:
    _set(instance, FALLEN_MBPS)


def _mend(instance: Instance) -> None:
    interfaces = load_estate(ESTATE).interfaces(DEVICE)
    speed = next(i.speed_mbps for i in interfaces if i.name == INTERFACE)
    assert speed is not None  # noqa: S101 - every link of an estate has a speed
    _set(instance, speed)


def _set(instance: Instance, speed_mbps: int) -> None:
    network.set_speed(instance, (DEVICE, INTERFACE), speed_mbps)
    shown = run(argv_inside(instance, DEVICE, ["ethtool", INTERFACE]))
    if f"Speed: {speed_mbps}Mb/s" not in shown:
        wanted = _("{interface} of {device} reports {speed} Mb/s")
        what = wanted.format(interface=INTERFACE, device=DEVICE, speed=speed_mbps)
        raise RackproofError("LAB052", actual=shown, what=what)


FAULT = LabFault(
    "uplink-100m",
    Text(
        en="an uplink of the Hải Phòng server room runs at 100 Mb/s",
        vi="một uplink của phòng máy chủ Hải Phòng chỉ còn 100 Mb/s",
    ),
    _make,
    _mend,
)
