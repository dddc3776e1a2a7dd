"""Metrics: what Prometheus gets, and what it must never get."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from core.errors import RackproofError
from inventory.model.estate import Estate
from monitoring.export.exporter import Exporter, open_listener
from monitoring.export.exposition import Exposition, escape, format_number, index_specs
from monitoring.poll.collect import Poller as DevicePoller
from monitoring.poll.collect import choose_devices as polled_devices
from monitoring.poll.normalise import readings
from monitoring.profiles.profile import UNITS, load_profiles, name_metric
from monitoring.quantities.readings import Quality, age_readings
from monitoring.rules import alert_rules as rules
from tests.monitoring.conftest import T0, Poller, integer
from tests.monitoring.test_normalise import UPS, sensors
from tests.support import needs_program

NOW = datetime.fromtimestamp(T0 + 2, UTC)


def samples(text: str) -> dict[tuple[str, str, str, str], float]:
    found: dict[tuple[str, str, str, str], float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = sample.labels
            key = (sample.name, labels.get("device", ""), labels.get("position", ""), labels.get("state", ""))
            found[(*key[:2], labels.get("quantity", "") + "@" + key[2], key[3])] = sample.value
    return found


@pytest.fixture
def exporter(estate: Estate) -> Exporter:
    return Exporter(estate, DevicePoller(estate, {}), polled_devices(estate), interval_s=15)


def page(exporter: Exporter, now: datetime = NOW) -> dict[tuple[str, str, str, str], float]:
    return samples(exporter.metrics(now).decode())


def test_values_in_base_units(exporter: Exporter, polled: Poller) -> None:
    exporter.take(polled("env-dc", sensors()))
    exporter.take(polled("ups-a", {(*UPS, 2, 3, 0): integer(25), (*UPS, 4, 1, 0): integer(5)}))
    found = page(exporter)
    assert found[("rackproof_temperature_celsius", "env-dc", "temperature@R1/front-top", "")] == 22
    assert found[("rackproof_humidity_ratio", "env-dc", "humidity@R1/front-top", "")] == 0.47
    assert found[("rackproof_ups_runtime_seconds", "ups-a", "ups_runtime@", "")] == 1500
    assert found[("rackproof_ups_output_source_state", "ups-a", "ups_output_source@", "battery")] == 1
    assert found[("rackproof_ups_output_source_state", "ups-a", "ups_output_source@", "normal")] == 0
    assert found[("rackproof_device_up", "env-dc", "@", "")] == 1
    assert found[("rackproof_device_poll_duration_seconds", "env-dc", "@", "")] == 1


def test_no_data_has_a_quality_and_no_value(exporter: Exporter, polled: Poller) -> None:
    exporter.take(polled("env-dc", sensors(t1=integer(-1), i2=integer(4))))
    found = page(exporter)
    assert found[("rackproof_reading_quality", "env-dc", "temperature@R1/front-top", "")] == 1
    assert ("rackproof_temperature_celsius", "env-dc", "temperature@R1/front-top", "") not in found
    assert not [key for key in found if key[0] == "rackproof_fire_state"]
    assert found[("rackproof_temperature_celsius", "env-dc", "temperature@R1/front-middle", "")] == 22


def test_a_silent_device_is_down_and_has_no_values(exporter: Exporter, polled: Poller) -> None:
    exporter.take(polled("env-dc", {}, reply=lambda _datagram: None))
    found = page(exporter)
    assert found[("rackproof_device_up", "env-dc", "@", "")] == 0
    assert {key[0] for key in found if key[1] == "env-dc"} == {
        "rackproof_device_up", "rackproof_reading_quality", "rackproof_device_incomplete_parts",
        "rackproof_device_last_poll_timestamp_seconds", "rackproof_device_poll_duration_seconds",
        "rackproof_device_rejected_replies", "rackproof_device_login_refused", "rackproof_collection_errors_total",
    }  # fmt: skip
    assert all(value == 2 for key, value in found.items() if key[0] == "rackproof_reading_quality")


def test_an_old_poll_is_neither_up_nor_a_value(exporter: Exporter, polled: Poller) -> None:
    exporter.take(polled("env-dc", sensors()))
    found = page(exporter, NOW + timedelta(seconds=60))
    assert found[("rackproof_device_up", "env-dc", "@", "")] == 0
    assert found[("rackproof_reading_quality", "env-dc", "temperature@R1/front-top", "")] == 4
    assert ("rackproof_temperature_celsius", "env-dc", "temperature@R1/front-top", "") not in found


def test_ageing(estate: Estate, polled: Poller) -> None:
    reading = readings(polled("env-dc", sensors()), estate)[0]
    assert age_readings(reading, NOW, timedelta(seconds=45)) == reading
    assert age_readings(reading, NOW - timedelta(minutes=5), timedelta(seconds=45)).quality is Quality.STALE
    old = age_readings(reading, NOW + timedelta(minutes=5), timedelta(seconds=45))
    assert old.quality is Quality.STALE and old.value == reading.value and not old.good


def test_a_series_named_twice_is_written_once() -> None:
    exposition = Exposition({})
    exposition.add("rackproof_device_up", 'device="x"', 1)
    exposition.add("rackproof_device_up", 'device="x"', 0)
    assert exposition.text().count('device="x"') == 1


def test_labels_are_escaped_and_numbers_keep_their_digits() -> None:
    assert escape('a"b\\c\nd') == 'a\\"b\\\\c\\nd'
    assert (format_number(3.0), format_number(0.1), format_number(2**40 + 0.5)) == ("3", "0.1", "1.09951162778e+12")


def test_one_quantity_means_one_unit_in_every_profile() -> None:
    units: dict[str, set[tuple[str, str]]] = {}
    for profile in load_profiles().values():
        for spec in profile.readings:
            assert spec.unit in UNITS
            units.setdefault(name_metric(spec)[0], set()).add((spec.unit, str(spec.enum)))
    assert all(len(found) == 1 for found in units.values()), units


@needs_program("promtool")
def test_promtool_accepts_the_page(exporter: Exporter, polled: Poller) -> None:
    exporter.take(polled("env-dc", sensors(t1=integer(-1))))
    for name in ("ups-a", "pdu-a", "ats-1", "crac-1", "core1", "dc-db1"):
        exporter.take(polled(name, {}))
    for spec in index_specs(load_profiles().values()).values():  # every metric there is, even where no device gave one
        name, _ = name_metric(spec)
        assert name.startswith("rackproof_")
    verdict = rules.check_metrics(exporter.metrics(NOW))
    assert verdict.ok and not verdict.errors, verdict.errors


@needs_program("promtool")
def test_promtool_accepts_every_metric_name() -> None:
    exposition = Exposition({})
    for profile in load_profiles().values():
        for spec in profile.readings:
            exposition.add(name_metric(spec)[0], 'device="x"', 1, "counter" if spec.counter else "gauge", spec.help)
    verdict = rules.check_metrics(exposition.text().encode())
    assert verdict.ok and not verdict.errors, verdict.errors


def test_a_taken_port_is_an_error_with_a_remedy() -> None:
    first = open_listener("127.0.0.1", 0)
    first.listen()
    try:
        with pytest.raises(RackproofError) as caught:
            open_listener("127.0.0.1", first.getsockname()[1])
        assert (caught.value.code, caught.value.kind) == ("MON024", "busy") and caught.value.remedy
        with pytest.raises(RackproofError) as caught:
            open_listener("192.0.2.77", 9780)
        assert (caught.value.code, caught.value.kind) == ("MON020", "wrong_use")
    finally:
        first.close()
