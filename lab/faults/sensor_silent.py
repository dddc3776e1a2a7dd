"""One temperature and humidity probe stops answering: its unit is well, but says nothing for that position."""

from inventory.model.fields import Text
from lab import facility
from lab.faults.catalogue import LabFault
from lab.instance import Instance

DEVICE, KEY = "env-dc", "sensor:R1/front-top"


def _make(instance: Instance) -> None:
    facility.control(instance.run_dir, DEVICE, KEY, "missing")


def _mend(instance: Instance) -> None:
    facility.control(instance.run_dir, DEVICE, KEY, "ok")


FAULT = LabFault(
    "sensor-silent",
    Text(
        en="the temperature and humidity probe at R1/front-top in the data centre goes silent",
        vi="cảm biến nhiệt độ, độ ẩm tại R1/front-top ở trung tâm dữ liệu ngừng trả lời",
    ),
    _make,
    _mend,
)
