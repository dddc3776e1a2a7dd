"""The exporter on the controller is stopped: Prometheus runs and has nothing new to tell."""

from core.i18n import _
from inventory.model.fields import Text
from lab.faults.catalogue import LabFault
from lab.faults.tools import nothing_to_break
from lab.instance import Instance
from lab.serving import find_pid, start_services, stop_services

PROGRAM = "exporter"


def _make(instance: Instance) -> None:
    if not find_pid(instance, PROGRAM):
        raise nothing_to_break(_("the exporter does not run on the controller"), "./rackproof lab serve")
    stop_services(instance, PROGRAM)


def _mend(instance: Instance) -> None:
    start_services(instance, lambda *_args, **_more: None, PROGRAM)


FAULT = LabFault(
    "exporter-stopped",
    Text(
        en="the exporter of readings on the controller is stopped", vi="exporter giá trị đo trên máy điều khiển bị dừng"
    ),
    _make,
    _mend,
)
