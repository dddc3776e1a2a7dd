"""The node exporter of a site node fails a second after every start, and is started again."""

from inventory.model.fields import Text
from lab.faults.catalogue import LabFault
from lab.faults.tools import override_unit, require_active, restore_unit
from lab.instance import Instance

HOST, UNIT = "hph-node1", "prometheus-node-exporter.service"


def _make(instance: Instance) -> None:
    require_active(instance, HOST, UNIT)
    failing = ["ExecStart=", "ExecStart=/bin/sh -c 'sleep 1; exit 1'", "Restart=always", "RestartSec=100ms"]
    # Without the limit systemd would give up after five starts, and a dead unit is another fault than this one.
    override_unit(instance, HOST, UNIT, [*failing, "[Unit]", "StartLimitIntervalSec=0"])


def _mend(instance: Instance) -> None:
    restore_unit(instance, HOST, UNIT)


FAULT = LabFault(
    "node-exporter-flapping",
    Text(
        en="the node exporter on hph-node1 fails a second after every start",
        vi="node exporter trên hph-node1 hỏng một giây sau mỗi lần khởi động",
    ),
    _make,
    _mend,
)
