"""The log service of a site node is stopped: nothing of that host arrives at the collector any more."""

from core.errors import RackproofError
from core.i18n import _
from inventory.model.fields import Text
from lab.faults.catalogue import LabFault
from lab.faults.tools import PROVISION, as_root, nothing_to_break, wait_until
from lab.instance import Instance

HOST = "hph-node1"
# The socket too: systemd would start the service again with the next line that is logged.
UNITS = ("syslog.socket", "rsyslog.service")


def _make(instance: Instance) -> None:
    if not _is_running(instance):
        raise nothing_to_break(_("{service} does not run on {host}").format(service="rsyslog", host=HOST), PROVISION)
    as_root(instance, HOST, ["systemctl", "stop", *UNITS])
    wait_until(lambda: not _is_running(instance), f"rsyslog on {HOST} stopped", 10)


def _mend(instance: Instance) -> None:
    as_root(instance, HOST, ["systemctl", "start", *UNITS])
    wait_until(lambda: _is_running(instance), f"rsyslog on {HOST} running", 10)


def _is_running(instance: Instance) -> bool:
    try:
        as_root(instance, HOST, ["systemctl", "is-active", "--quiet", "rsyslog.service"])
    except RackproofError as error:
        if error.code != "LAB001":
            raise
        return False
    return True


FAULT = LabFault(
    "log-forwarding-stopped",
    Text(en="the log service on hph-node1 is stopped", vi="dịch vụ nhật ký trên hph-node1 bị dừng"),
    _make,
    _mend,
)
