"""One power module of UPS A drops out: what is left still carries the load, but no further module may fail."""

from itertools import chain

from inventory.load.loader import load_estate
from inventory.model.fields import Text
from lab import facility
from lab.faults.catalogue import LabFault
from lab.instance import ESTATE, Instance

DEVICE, KEY = "ups-a", "modules"


def _installed() -> int:
    """Return how many modules the estate says are in the frame: the one place where that is written."""
    nodes = chain.from_iterable(site.power for site in load_estate(ESTATE).sites.values())
    frame = next(node for node in nodes if node.device == DEVICE)
    return frame.modules or 1


def _make(instance: Instance) -> None:
    facility.control(instance.run_dir, DEVICE, KEY, str(_installed() - 1))


def _mend(instance: Instance) -> None:
    facility.control(instance.run_dir, DEVICE, KEY, str(_installed()))


FAULT = LabFault(
    "ups-module-lost",
    Text(
        en="UPS A of the data centre loses one of its power modules",
        vi="UPS A của trung tâm dữ liệu mất một mô-đun công suất",
    ),
    _make,
    _mend,
)
