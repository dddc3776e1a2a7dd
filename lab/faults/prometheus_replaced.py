"""Prometheus's unit runs `sleep infinity`: active and enabled, as systemd says, and measuring nothing."""

from inventory.model.fields import Text
from lab.faults.catalogue import LabFault
from lab.faults.tools import override_unit, require_active, restore_unit
from lab.instance import Instance

HOST, UNIT = "dc-mgmt1", "prometheus.service"


def _make(instance: Instance) -> None:
    require_active(instance, HOST, UNIT)
    override_unit(instance, HOST, UNIT, ["ExecStart=", "ExecStart=/usr/bin/sleep infinity"])


def _mend(instance: Instance) -> None:
    restore_unit(instance, HOST, UNIT)


FAULT = LabFault(
    "prometheus-replaced",
    Text(
        en="Prometheus on dc-mgmt1 is replaced by a program that only sleeps",
        vi="Prometheus trên dc-mgmt1 bị thay bằng một chương trình không làm gì (sleep)",
    ),
    _make,
    _mend,
)
