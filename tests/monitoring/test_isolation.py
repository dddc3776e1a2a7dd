"""One device that sends nonsense beside nine healthy ones: the nine stay as they are, the tenth is named."""

from __future__ import annotations

import asyncio
import logging
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from core.errors import RackproofError
from inventory.model.estate import Estate
from monitoring.export import exporter as exporter_module
from monitoring.export.exporter import Exporter, find_cause, make_application
from monitoring.export.exposition import DeviceState, Exposition, index_specs
from monitoring.poll import normalise
from monitoring.poll.collect import Poller, sweep
from monitoring.poll.normalise import readings
from monitoring.poll.raw import RawPoll
from monitoring.profiles.profile import SYS_NAME, SYS_OBJECT_ID, load_profiles
from monitoring.quantities.readings import Quality, Reading
from monitoring.snmp import ber
from monitoring.snmp.engine import SnmpEngine
from monitoring.snmp.poll import Absence
from tests.monitoring import agents
from tests.monitoring.agents import Agent2c
from tests.monitoring.conftest import T0
from tests.monitoring.conftest import Poller as MadeUpPoll
from tests.monitoring.fleet import NAMES, SECRETS, Fleet, Reply, Series, agent_of, healthy_tree, read_now, read_page

#: One device of each kind of profile: single instances, sensors, racks, interfaces, tables.
POISONED = ("ups-a", "env-dc", "pdu-a", "pdu-b", "core1", "dc-db1", "ats-1")
TAGS = st.one_of(
    st.sampled_from([0x02, 0x04, 0x05, 0x06, 0x30, 0x40, 0x41, 0x42, 0x43, 0x44, 0x46, 0x80, 0x81, 0x82, 0xA2]),
    st.integers(0, 255),
)
#: How a reply is spoilt: what is done, where, with which octets.
Way = tuple[str, int, bytes]
HOW = st.sampled_from(["other", "cut", "longer", "changed"])
WAYS = st.lists(st.tuples(HOW, st.integers(0, 400), st.binary(min_size=1, max_size=6)), min_size=1, max_size=3)
FUZZ = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def fleet(estate: Estate) -> Fleet:
    return Fleet(estate)


def require_nine(fleet: Fleet, page: Series, poisoned: str) -> None:
    """The nine are exactly as they were; the tenth has a sample of each quantity due, and says whether it is up."""
    nine = {key: value for key, value in fleet.healthy.items() if key[0] != poisoned}
    assert nine == {key: value for key, value in page.items() if key[0] != poisoned}
    assert {key[0] for key in nine} == set(NAMES) - {poisoned}
    assert due_quantities(fleet, poisoned) <= quantities(page, poisoned)
    assert len([key for key in page if key[0] == poisoned and key[1].startswith("rackproof_device_up")]) == 1


def due_quantities(fleet: Fleet, name: str) -> set[str]:
    """Return what a device must always say something of: all of its profile but what only some models have."""
    access = fleet.estate.devices[name].snmp
    assert access is not None
    due = {spec.quantity for spec in load_profiles()[access.profile].readings if not spec.optional}
    return due & quantities(fleet.healthy, name)


def quantities(page: Series, device: str) -> set[str]:
    quality = [key[1] for key in page if key[0] == device and key[1].startswith("rackproof_reading_quality")]
    return {text.split("('quantity', '")[1].split("'")[0] for text in quality}


def value_of(page: Series, device: str, name: str) -> float:
    [found] = [value for key, value in page.items() if key[0] == device and key[1].startswith(f"{name}[")]
    return found


async def fetch(app: Starlette, *paths: str) -> list[tuple[int, bytes]]:
    """Return status and body of each page, asked for once what runs beside the application has had its turn."""
    found: list[tuple[int, bytes]] = []
    async with app.router.lifespan_context(app):
        for _ in range(3):
            await asyncio.sleep(0)
        for path in paths:
            sent: list[dict[str, Any]] = []

            async def receive() -> dict[str, Any]:
                return {"type": "http.request", "body": b"", "more_body": False}

            async def send(message: Any, sent: list[dict[str, Any]] = sent) -> None:
                sent.append(dict(message))

            scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""}
            await app(scope, receive, send)
            found.append((sent[0]["status"], b"".join(part.get("body", b"") for part in sent[1:])))
    return found


def reading_of(exporter: Exporter, device: str) -> list[Reading]:
    return exporter._latest[device][1]


def test_all_ten_are_good_when_nobody_is_poisoned(fleet: Fleet) -> None:
    assert {key[0] for key in fleet.healthy} == set(NAMES)
    qualities = [value for key, value in fleet.healthy.items() if key[1].startswith("rackproof_reading_quality")]
    assert len(qualities) > 100 and set(qualities) == {0.0}


@pytest.mark.parametrize("content", [b"", b"\x80", b"\xff" * 3, b"\x2b\x86", b"\xff" * 9 + b"\x7f"])
@pytest.mark.parametrize("name", POISONED)
def test_a_malformed_identity_is_that_devices_error(fleet: Fleet, name: str, content: bytes) -> None:
    device = fleet.estate.devices[name]
    tree = healthy_tree(fleet.estate, device) | {SYS_OBJECT_ID: (ber.OBJECT_ID, content)}
    exporter = fleet.poll_beside(name, agent_of(fleet.estate, device, tree).reply)
    require_nine(fleet, read_page(exporter), name)
    found = reading_of(exporter, name)
    assert found and {item.quality for item in found} == {Quality.ERROR}
    assert not any(" at " in item.detail for item in found)  # foreseen, not caught as a fault of the program
    assert all("object identifier" in item.detail or "it is" in item.detail for item in found)


@FUZZ
@given(data=st.data())
def test_any_value_of_any_type_anywhere(fleet: Fleet, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(POISONED))
    device = fleet.estate.devices[name]
    tree = healthy_tree(fleet.estate, device)
    oids = data.draw(st.lists(st.sampled_from([SYS_OBJECT_ID, SYS_NAME, *tree]), min_size=1, max_size=4))
    for oid in oids:
        tree[oid] = (data.draw(TAGS), data.draw(st.binary(max_size=20)))
    exporter = fleet.poll_beside(name, agent_of(fleet.estate, device, tree).reply)
    require_nine(fleet, read_page(exporter), name)


@FUZZ
@given(data=st.data())
def test_any_datagram_in_place_of_a_reply(fleet: Fleet, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(POISONED))
    good = agent_of(fleet.estate, fleet.estate.devices[name]).reply
    spoiler = Spoiler(good, data.draw(st.integers(0, 4)), data.draw(WAYS))
    exporter = fleet.poll_beside(name, spoiler.reply)
    require_nine(fleet, read_page(exporter), name)


@FUZZ
@given(data=st.data())
def test_any_answer_inside_a_sound_envelope(fleet: Fleet, data: st.DataObject) -> None:
    """What is proved by the user's keys may be nonsense all the same: the answer is spoilt before it is protected."""
    name = data.draw(st.sampled_from(POISONED))
    good = agent_of(fleet.estate, fleet.estate.devices[name]).reply
    real = agents.encode_response
    spoiler = Spoiler(lambda pdu: pdu, data.draw(st.integers(0, 4)), data.draw(WAYS))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(agents, "encode_response", lambda *given: spoiler.reply(real(*given)))
        exporter = fleet.poll_beside(name, good)
    require_nine(fleet, read_page(exporter), name)


class Spoiler:
    """Lets ``after`` replies pass and spoils those that follow, one way after the other."""

    def __init__(self, good: Reply, after: int, ways: list[Way]) -> None:
        self._good, self._after, self._ways = good, after, ways
        self._number = 0

    def reply(self, datagram: bytes) -> bytes | None:
        reply = self._good(datagram)
        self._number += 1
        if self._number <= self._after or reply is None:
            return reply
        how, at, octets = self._ways[self._number % len(self._ways)]
        at %= len(reply)
        spoilt = {
            "other": octets,
            "cut": reply[:at],
            "longer": reply[:at] + octets + reply[at:],
            "changed": reply[:at] + octets + reply[at + len(octets) :],
        }
        return spoilt[how]


class Failing:
    """A session that fails as a program does, once it is asked ``verb``."""

    def __init__(self, good: object, verb: str) -> None:
        self._good, self._verb = good, verb

    def __getattr__(self, name: str) -> object:
        if name != self._verb:
            return getattr(self._good, name)

        def fail(*_given: object) -> object:
            raise ZeroDivisionError("poison")

        return fail


@pytest.mark.parametrize("verb", ["request", "receive"])
def test_a_fault_of_this_program_is_one_devices_absence(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, verb: str
) -> None:
    real = Poller.make_session

    def new_session(self: Poller, device: object) -> object:
        made = real(self, device)  # type: ignore[arg-type]
        return Failing(made, verb) if getattr(device, "name", "") == "pdu-b" else made

    monkeypatch.setattr(Poller, "make_session", new_session)
    with caplog.at_level(logging.ERROR):
        exporter = fleet.poll_beside("pdu-b", agent_of(fleet.estate, fleet.estate.devices["pdu-b"]).reply)
    page = read_page(exporter)
    errors = "rackproof_collection_errors_total"
    assert (value_of(page, "pdu-b", errors), value_of(page, "pdu-a", errors)) == (1.0, 0.0)
    assert value_of(page, "pdu-b", "rackproof_device_up") == 0.0
    require_nine(fleet, page, "pdu-b")
    raw, found = exporter._latest["pdu-b"]
    assert raw.absence is Absence.FAULT and "ZeroDivisionError: poison at test_isolation.py" in raw.error
    assert {(item.quality, item.detail) for item in found} == {(Quality.ERROR, raw.error)}
    assert [record.getMessage() for record in caplog.records] == [f"collecting from pdu-b failed: {raw.error}"]


def test_a_datagram_from_a_stranger_that_makes_a_session_fail_ends_no_poll(fleet: Fleet) -> None:
    made = SnmpEngine()

    class Poll:
        session = Failing(None, "owns")

    made._running[("192.0.2.1", 161)] = type("R", (), {"poll": Poll})()
    made._dispatch(("192.0.2.9", 161), b"\x30\x00")
    assert made.unmatched == 1


def test_a_device_that_cannot_even_be_asked_is_named(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Poller.choose_addresses

    def hosts(self: Poller, device: object) -> list[str]:
        if getattr(device, "name", "") == "core1":
            raise KeyError("core1")
        return real(self, device)  # type: ignore[arg-type]

    monkeypatch.setattr(Poller, "choose_addresses", hosts)
    exporter = fleet.poll_beside("core1", lambda _datagram: None)
    page = read_page(exporter)
    require_nine(fleet, page, "core1")
    assert value_of(page, "core1", "rackproof_device_up") == 0.0
    assert value_of(page, "core1", "rackproof_collection_errors_total") == 1.0
    found = asyncio.run(sweep(Poller(fleet.estate, SECRETS), [fleet.estate.devices["core1"]]))
    assert [(raw.device, raw.absence) for raw in found] == [("core1", Absence.FAULT)]


def test_an_answer_that_cannot_be_judged_is_an_absence(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    def judge(raw: RawPoll, estate: Estate) -> list[Reading]:
        if raw.device == "ats-1":
            raise ValueError("poison")
        return readings(raw, estate)

    monkeypatch.setattr(exporter_module, "readings", judge)
    exporter = fleet.poll_beside("ats-1", agent_of(fleet.estate, fleet.estate.devices["ats-1"]).reply)
    page = read_page(exporter)
    nine = {key: value for key, value in fleet.healthy.items() if key[0] != "ats-1"}
    assert nine == {key: value for key, value in page.items() if key[0] != "ats-1"}
    assert value_of(page, "ats-1", "rackproof_device_up") == 0.0
    assert value_of(page, "ats-1", "rackproof_collection_errors_total") == 1.0


@pytest.mark.parametrize("failing", ["judge_point", "check_identity"])
def test_a_quantity_that_cannot_be_judged_is_an_error_at_each_of_its_points(
    estate: Estate, polled: MadeUpPoll, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    raw = polled("env-dc", healthy_tree(estate, estate.devices["env-dc"]))
    whole = readings(raw, estate)
    real = getattr(normalise, failing)

    def judge(*given: object) -> object:
        if failing == "judge_point" and given[0].quantity != "humidity":  # type: ignore[attr-defined]
            return real(*given)
        raise IndexError("poison")

    monkeypatch.setattr(normalise, failing, judge)
    found = readings(raw, estate)
    points = [(item.quantity, item.position) for item in whole]
    assert [(item.quantity, item.position) for item in found] == points
    for item in found:
        is_poisoned = failing == "check_identity" or item.quantity == "humidity"
        assert item.quality is (Quality.ERROR if is_poisoned else Quality.GOOD)
        assert ("IndexError: poison" in item.detail) == is_poisoned


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_device_that_cannot_be_shown_leaves_nothing_half_done(fleet: Fleet, value: float) -> None:
    exporter = fleet.poll({})
    raw, found = exporter._latest["pdu-a"]
    spoilt = [*found[:2], Reading("dc", "pdu-a", found[0].quantity, "x", value, found[0].unit, raw.t1, Quality.GOOD)]
    exporter._latest["pdu-a"] = (raw, spoilt)
    page = read_page(exporter)
    nine = {key: number for key, number in fleet.healthy.items() if key[0] != "pdu-a"}
    assert nine == {key: number for key, number in page.items() if key[0] != "pdu-a"}
    tenth = {key[1].partition("[")[0]: number for key, number in page.items() if key[0] == "pdu-a"}
    assert tenth == {"rackproof_device_up": 0.0, "rackproof_collection_errors_total": 1.0}


def test_a_value_that_its_quantity_does_not_have_is_not_shown(estate: Estate) -> None:
    now = datetime.fromtimestamp(T0, UTC)
    raw = RawPoll.of_fault(("ups-a", "dc", "apc-symmetra"), "v3", (T0, T0), "")
    for value, unit in (("exploded", "state"), (1.0, "volt"), ("normal", "count")):
        page = Exposition(index_specs(load_profiles().values()))
        reading = Reading("dc", "ups-a", "ups_output_source", "", value, unit, now, Quality.GOOD)
        page.add_device(DeviceState(raw, None, fresh=True), [reading])
        text = page.text()
        assert 'quantity="ups_output_source",position=""} 3' in text
        assert "rackproof_ups_output_source_state{" not in text


def test_a_device_that_is_never_polled_is_down_once_its_time_is_up(estate: Estate) -> None:
    devices = [estate.devices[name] for name in NAMES]
    began = datetime(2026, 1, 1, tzinfo=UTC)
    exporter = Exporter(estate, Poller(estate, SECRETS), devices, 15.0, clock=lambda: began)
    assert "rackproof_device_up" not in exporter.metrics(began + timedelta(seconds=44)).decode()
    late = exporter.metrics(began + timedelta(seconds=46)).decode()
    up = [line for line in late.splitlines() if line.startswith("rackproof_device_up{")]
    assert len(up) == len(NAMES) and all(line.endswith(" 0") for line in up)


def test_an_exporter_whose_loop_has_died_serves_nothing(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    exporter = fleet.poll({})

    async def die() -> None:
        raise MemoryError("the loop is gone")

    monkeypatch.setattr(exporter, "run", die)
    stopped: list[bool] = []
    exporter.on_failure = lambda: stopped.append(True)
    answers = asyncio.run(fetch(make_application(exporter), "/metrics", "/healthz"))
    assert answers == [(503, b"polling has ended\n")] * 2
    assert stopped == [True] and isinstance(exporter.failure, MemoryError)


def test_a_loop_that_comes_to_its_end_by_itself_is_a_failure_too(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    exporter = fleet.poll({})

    async def end() -> None:
        return

    monkeypatch.setattr(exporter, "run", end)
    assert asyncio.run(fetch(make_application(exporter), "/metrics"))[0][0] == 503
    assert exporter.failure is not None


def test_serving_ends_with_the_reason_when_polling_ends(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    exporter = fleet.poll({})

    async def die() -> None:
        raise ExceptionGroup("tasks", [ExceptionGroup("inner", [OSError(5, "the line is gone")])])

    monkeypatch.setattr(exporter, "run", die)
    with pytest.raises(RackproofError) as caught:
        exporter_module.serve(exporter, "127.0.0.1", exporter_module.open_listener("127.0.0.1", 0).getsockname()[1])
    assert caught.value.code == "MON021" and "the line is gone" in caught.value.message
    assert isinstance(find_cause(exporter.failure or Exception()), OSError)


def test_old_readings_are_stale_though_the_exporter_still_answers(fleet: Fleet) -> None:
    exporter = fleet.poll({})
    text = exporter.metrics(read_now(exporter) + timedelta(minutes=10)).decode()
    up = [line for line in text.splitlines() if line.startswith("rackproof_device_up{")]
    assert len(up) == 10 and all(line.endswith(" 0") for line in up)
    summary = exporter.summary(read_now(exporter) + timedelta(minutes=10))
    assert summary["up"] == 0 and set(summary["absent"].values()) == {"stale"}


def test_a_version_2c_agent_is_poisoned_too(fleet: Fleet) -> None:
    versions = {fleet.estate.devices[name].snmp.version.value for name in POISONED}  # type: ignore[union-attr]
    assert versions == {"v2c", "v3"}
    assert isinstance(agent_of(fleet.estate, fleet.estate.devices["pdu-b"]), Agent2c)
