"""The last run of the incremental backup failed; its timer waits for the next one as if nothing were."""

from inventory.model.fields import Text
from lab.faults.catalogue import LabFault
from lab.faults.tools import as_root, override_unit, require_active, wait_until
from lab.instance import Instance

HOST, UNIT, JOB = "dc-mgmt1", "pgbackrest-backup-incr.timer", "pgbackrest-backup@incr.service"
DROP_IN = f"/etc/systemd/system/{JOB}.d"


def _make(instance: Instance) -> None:
    require_active(instance, HOST, UNIT)
    override_unit(instance, HOST, JOB, ["ExecStart=", "ExecStart=/bin/false"])
    wait_until(lambda: _result(instance) != "success", f"{JOB} on {HOST} failed", 20)


def _mend(instance: Instance) -> None:
    script = f"rm -rf {DROP_IN} && systemctl daemon-reload && systemctl reset-failed {JOB} 2>/dev/null || true"
    as_root(instance, HOST, ["sh", "-c", script])
    wait_until(lambda: _result(instance) == "success", f"{JOB} on {HOST} as it was", 20)


def _result(instance: Instance) -> str:
    return as_root(instance, HOST, ["systemctl", "show", "--property=Result", "--value", JOB]).strip()


FAULT = LabFault(
    "backup-failed",
    Text(en="the last incremental backup on dc-mgmt1 failed", vi="lần sao lưu tăng dần gần nhất trên dc-mgmt1 bị lỗi"),
    _make,
    _mend,
)
