"""One power module of UPS A drops out: what is left still carries the load, but no further module may fail."""

from inventory.model import Text
from lab import facility
from lab.faults.catalogue import Fault
from lab.instance import Instance

DEVICE, KEY, WITHOUT_ONE, ALL = "ups-a", "modules", "3", "4"


def _make(instance: Instance) -> None:
    facility.control(instance.run_dir, DEVICE, KEY, WITHOUT_ONE)


def _mend(instance: Instance) -> None:
    facility.control(instance.run_dir, DEVICE, KEY, ALL)


FAULT = Fault(
    "ups-module-lost",
    Text(en="UPS A of the data centre loses one of its four power modules",
         vi="UPS A của trung tâm dữ liệu mất một trong bốn mô-đun công suất"),
    _make, _mend,
)
