"""Recordings of real devices, polled and normalised, against the readings that others expect of them.

The recordings stay out of this repository (their licences differ); the test is skipped where the folder is absent.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.workspace import REPOSITORY
from inventory.model.estate import Estate
from monitoring.poll.collect import plan_poll
from monitoring.poll.normalise import readings
from monitoring.poll.raw import RawPoll
from monitoring.profiles.profile import find_profile
from monitoring.quantities.readings import Reading
from monitoring.snmp import ber
from monitoring.snmp.ber import parse_oid
from monitoring.snmp.poll import Budget, Poll
from monitoring.snmp.session import CommunitySession
from tests.monitoring.agents import Agent2c, Answers, run
from tests.monitoring.conftest import T0, Tree

FOLDER = REPOSITORY.parent / "shared" / "recordings"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="no recordings beside the repository")

#: recording → (device of the lab's estate it stands for, profile, least number of readings to compare)
RECORDINGS = {
    "ATS-STS/librenms_apc_ats": ("ats-1", "apc-ats", 5),
    "PDU/librenms_apc_ap8959eu3": ("pdu-a", "apc-rpdu2", 2),
    "PDU/librenms_apc_ap8853": ("pdu-a", "apc-rpdu2", 2),
    "cooling/librenms_apc-inrow": ("crac-1", "apc-inrow", 5),
    "UPS/librenms_netmanplus_204": ("ups-a", "ups-mib", 15),
    "UPS/librenms_generex-ups_cs141": ("ups-a", "ups-mib", 15),
    "UPS/librenms_huaweiups_ups2000": ("ups-a", "ups-mib", 8),
    "UPS/librenms_deltaups": ("ups-a", "ups-mib", 8),
    "UPS/librenms_liebert_apm": ("ups-a", "ups-mib", 3),
    "UPS/librenms_poweralert_ups": ("ups-a", "ups-mib", 5),
}
#: Figures the others show as readings although the device means "not available".
NONSENSE = {
    "UPS/librenms_huaweiups_ups2000": {"ups_runtime"},
    "UPS/librenms_poweralert_ups": {"ups_battery_temperature"},
}
FACTORS = {"runtime": 60.0}
#: Where the others are wrong: they read this card's tenths of a hertz as hundredths, which makes a mains of 5 Hz.
OTHERS_WRONG = {("UPS/librenms_huaweiups_ups2000", "frequency"): 10.0}


def tree_of(path: Path) -> Tree:
    """Read a recording; the last of doubled lines wins."""
    tree: Tree = {}
    for line in path.read_bytes().splitlines():
        name, tag, value = line.split(b"|", 2)
        if not tag.rstrip(b"x").isdigit() or not name[:1].isdigit():
            continue
        content = bytes.fromhex(value.decode()) if tag.endswith(b"x") else value
        tree[parse_oid(name.decode())] = _encoded(int(tag.rstrip(b"x")), content)
    return tree


def _encoded(tag: int, content: bytes) -> tuple[int, bytes]:
    if tag == ber.OBJECT_ID:
        return tag, ber.encode_oid_content(parse_oid(content.decode()))
    if tag == ber.INTEGER or tag in ber.UNSIGNED:
        return tag, ber.encode_integer(int(content))[2:]
    return tag, content


def read(estate: Estate, name: str) -> list[Reading]:
    device, profile, _ = RECORDINGS[name]
    machine = Poll(CommunitySession("public"), plan_poll(find_profile(profile)), Budget())
    run(machine, Agent2c(Answers(tree_of(FOLDER / f"{name}.snmprec"))).reply)
    identity = (device, estate.site_of[device], profile)
    raw = RawPoll.of(identity, ("192.0.2.1", "v2c"), (T0, T0 + 1), machine.result, ((), {}))
    return readings(RawPoll.from_bytes(raw.to_bytes()), estate)


def expected(name: str) -> dict[str, dict[str, object]]:
    folder, _, stem = name.partition("/")
    modules = json.loads((FOLDER / folder / "expected" / f"{stem}.json").read_text())
    found = modules["sensors"]["discovery"]["sensors"]
    polled = modules["sensors"].get("poller")
    if isinstance(polled, dict):
        found = polled["sensors"]
    return {str(sensor["sensor_oid"]).strip("."): sensor for sensor in found}


@pytest.mark.parametrize("name", sorted(RECORDINGS))
def test_readings_agree_with_what_others_read(estate: Estate, name: str) -> None:
    told, compared, wrong = expected(name), 0, []
    for reading in read(estate, name):
        sensor = told.get(reading.oid)
        if sensor is None or not reading.good:
            continue
        compared += 1
        kind = str(sensor["sensor_class"])
        factor = FACTORS.get(kind, 1.0) * OTHERS_WRONG.get((name, kind), 1.0)
        wanted = float(str(sensor["sensor_current"])) * factor
        if number(name, reading) != pytest.approx(wanted, rel=0.006, abs=0.051):
            wrong.append((reading.quantity, reading.position, reading.value, wanted))
    assert not wrong
    assert compared >= RECORDINGS[name][2], f"only {compared} readings could be compared"


def number(name: str, reading: Reading) -> float:
    """Return a reading as the figure on the wire: the code of a state."""
    if not isinstance(reading.value, str):
        return float(reading.value or 0)
    specs = find_profile(RECORDINGS[name][1]).readings
    enum = next(spec.enum for spec in specs if spec.quantity == reading.quantity and spec.enum is not None)
    return float(next(code for code, state in enum.items() if state == reading.value))


@pytest.mark.parametrize("name", sorted(NONSENSE))
def test_what_is_not_available_is_no_reading(estate: Estate, name: str) -> None:
    found = {reading.quantity: reading for reading in read(estate, name)}
    for quantity in NONSENSE[name]:
        assert not found[quantity].good and found[quantity].value is None


def test_a_sentinel_is_never_good_in_any_recording(estate: Estate) -> None:
    marks = {-1.0, -0.1, 65_535.0, 3_932_100.0, 4294967295.0, 429496729.5, -273.0, 257698037700.0}
    for name in RECORDINGS:
        for reading in read(estate, name):
            assert not (reading.good and reading.value in marks), (name, reading)
