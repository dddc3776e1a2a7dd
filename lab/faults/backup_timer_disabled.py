"""The timer of the daily backup is disabled: the newest backup is young today, and no other one will follow."""

from inventory.model.fields import Text
from lab.faults.catalogue import LabFault
from lab.faults.tools import as_root, require_active, restore_unit
from lab.instance import Instance

HOST, UNIT = "dc-mgmt1", "pgbackrest-backup-diff.timer"


def _make(instance: Instance) -> None:
    require_active(instance, HOST, UNIT)
    as_root(instance, HOST, ["systemctl", "disable", "--now", "--quiet", UNIT])


def _mend(instance: Instance) -> None:
    restore_unit(instance, HOST, UNIT)


FAULT = LabFault(
    "backup-timer-disabled",
    Text(
        en="the timer of the daily backup on dc-mgmt1 is disabled",
        vi="bộ hẹn giờ sao lưu hằng ngày trên dc-mgmt1 bị tắt",
    ),
    _make,
    _mend,
)
