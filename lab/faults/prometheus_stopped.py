"""Prometheus is stopped: nothing is measured any more, and no alert is ever raised."""

from inventory.model.fields import Text
from lab.faults.catalogue import LabFault
from lab.faults.tools import as_root, require_active, restore_unit
from lab.instance import Instance

HOST, UNIT = "dc-mgmt1", "prometheus.service"


def _make(instance: Instance) -> None:
    require_active(instance, HOST, UNIT)
    as_root(instance, HOST, ["systemctl", "stop", UNIT])


def _mend(instance: Instance) -> None:
    restore_unit(instance, HOST, UNIT)


FAULT = LabFault(
    "prometheus-stopped",
    Text(en="Prometheus on dc-mgmt1 is stopped", vi="Prometheus trên dc-mgmt1 bị dừng"),
    _make,
    _mend,
)
