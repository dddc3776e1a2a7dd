"""Prometheus is disabled: it runs today, and is gone after the next start of the host."""

from inventory.model.fields import Text
from lab.faults.catalogue import LabFault
from lab.faults.tools import as_root, require_active, restore_unit
from lab.instance import Instance

HOST, UNIT = "dc-mgmt1", "prometheus.service"


def _make(instance: Instance) -> None:
    require_active(instance, HOST, UNIT)
    as_root(instance, HOST, ["systemctl", "disable", "--quiet", UNIT])


def _mend(instance: Instance) -> None:
    restore_unit(instance, HOST, UNIT)


FAULT = LabFault(
    "prometheus-disabled",
    Text(
        en="Prometheus on dc-mgmt1 is disabled: it will not start again with the host",
        vi="Prometheus trên dc-mgmt1 bị tắt tự khởi động: sẽ không chạy lại sau khi máy khởi động",
    ),
    _make,
    _mend,
)
