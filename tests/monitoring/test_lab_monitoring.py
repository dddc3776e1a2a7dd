"""Monitoring in the lab: every agent polled, silent sensors seen, metrics accepted and scraped by a real Prometheus."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from jinja2 import Template

from core.workspace import REPOSITORY
from inventory.model.estate import Estate
from lab import facility, image
from lab.enter import argv_inside
from lab.instance import Instance
from monitoring.export import targets
from monitoring.poll.normalise import readings
from monitoring.poll.raw import RawPoll
from monitoring.rules import alert_rules as rules
from tests.support import require, wait_until

pytestmark = pytest.mark.lab

FACILITY = ("ups-a", "ups-b", "pdu-a", "pdu-b", "ats-1", "crac-1", "crac-2", "env-dc", "env-hph", "env-hph-kv01")
Run = Callable[..., subprocess.CompletedProcess[str]]


def by_device(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    return {item["device"]: item for item in json.loads(done.stdout)["data"]["devices"]}


def reading(item: dict[str, Any], quantity: str, position: str = "") -> dict[str, Any]:
    found: dict[str, Any] = next(r for r in item["readings"] if (r["quantity"], r["position"]) == (quantity, position))
    return found


def test_every_facility_agent_gives_good_readings_before_anything_is_provisioned(lab: Instance, rackproof: Run) -> None:
    found = by_device(rackproof("monitor", "poll", *FACILITY, "--json"))
    assert set(found) == set(FACILITY)
    for item in found.values():
        assert not item["error"] and item["readings"]
        assert {r["quality"] for r in item["readings"]} == {"good"}, item
    assert reading(found["ups-a"], "ups_redundancy")["value"] == 1.0


@pytest.mark.parametrize(
    ("device", "key", "fault", "mended", "quantity", "position", "quality"),
    [
        ("env-dc", "sensor:R1/front-top", "missing", "ok", "temperature", "R1/front-top", "no_data"),
        ("env-dc", "sensor:R2/rear-top", "not-available", "ok", "humidity", "R2/rear-top", "no_data"),
        ("env-dc", "contact:fire", "not-available", "normal", "fire", "hall", "no_data"),
        ("ups-b", "runtime", "not-available", "ok", "ups_runtime", "", "no_data"),
    ],
)
def test_a_silent_sensor_is_seen_and_mended(
    lab: Instance, rackproof: Run, device: str, key: str, fault: str, mended: str, quantity: str, position: str,
    quality: str,
) -> None:  # fmt: skip
    facility.control(lab.run_dir, device, key, fault)
    try:
        found = by_device(rackproof("monitor", "poll", device, "--json", expected=1))
        told = reading(found[device], quantity, position)
        assert (told["quality"], told["value"]) == (quality, None) and told["detail"]
    finally:
        facility.control(lab.run_dir, device, key, mended)
    mended_item = by_device(rackproof("monitor", "poll", device, "--json"))[device]
    assert reading(mended_item, quantity, position)["value"] is not None


def test_a_mute_device_is_unreachable_and_the_others_are_not(lab: Instance, rackproof: Run) -> None:
    facility.control(lab.run_dir, "pdu-b", "agent", "silent")
    try:
        found = by_device(rackproof("monitor", "poll", "pdu-a", "pdu-b", "--json", expected=4))
    finally:
        facility.control(lab.run_dir, "pdu-b", "agent", "normal")
    assert found["pdu-b"]["error"] == "no reply"
    assert {r["quality"] for r in found["pdu-b"]["readings"]} == {"unreachable"}
    assert not found["pdu-a"]["error"] and len(found["pdu-b"]["attempts"]) == 2


def test_a_slow_agent_is_read_completely(lab: Instance, rackproof: Run) -> None:
    facility.control(lab.run_dir, "crac-1", "agent", "slow")
    try:
        found = by_device(rackproof("monitor", "poll", "crac-1", "--json"))
    finally:
        facility.control(lab.run_dir, "crac-1", "agent", "normal")
    assert {r["quality"] for r in found["crac-1"]["readings"]} == {"good"}


def test_recorded_answers_are_judged_again_without_the_lab(
    lab: Instance, lab_estate: Estate, rackproof: Run, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("raw")
    live = by_device(rackproof("monitor", "poll", "ups-a", "env-hph", "--raw", str(folder), "--json"))
    for name, item in live.items():
        again = readings(RawPoll.from_bytes((folder / f"{name}.json").read_bytes()), lab_estate)
        assert [(r.quantity, r.position, r.value, r.quality.value) for r in again] == [
            (r["quantity"], r["position"], r["value"], r["quality"]) for r in item["readings"]
        ]


@pytest.fixture
def exporter(lab: Instance) -> Iterator[Instance]:
    """The exporter on the controller, as the demo runs it."""
    argv = [sys.executable, "-m", "rackproof", "monitor", "serve", "--interval", "5"]
    environment = {**os.environ, "RACKPROOF_LAB": lab.name}
    process = subprocess.Popen(argv, cwd=REPOSITORY, env=environment, start_new_session=True)
    try:
        yield lab
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(15) in (0, 130, -signal.SIGINT)


@pytest.fixture
def own_prometheus(exporter: Instance, lab_estate: Estate, tmp_path: Path) -> Iterator[str]:
    """A Prometheus beside the exporter, with the role's own configuration, the rules and the estate's targets."""
    template = (REPOSITORY / "roles" / "prometheus" / "templates" / "prometheus.yml.j2").read_text()
    config = Template(template).render(prometheus_scrape_s=2, prometheus_targets=["rackproof"])
    (tmp_path / "prometheus.yml").write_text(config.replace("/etc/prometheus", str(tmp_path)))
    shutil.copytree(rules.FOLDER, tmp_path / "rules", ignore=shutil.ignore_patterns("tests"))
    targets.write(targets.list_targets(lab_estate), tmp_path / "targets")
    argv = [*image.program("prometheus"), f"--config.file={tmp_path}/prometheus.yml"]
    argv += [f"--storage.tsdb.path={tmp_path}/data", "--web.listen-address=127.0.0.1:9099"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(argv_inside(exporter, "ctl", argv), stdout=log, stderr=log, cwd=tmp_path)
    try:
        yield "http://127.0.0.1:9099"
    finally:
        process.terminate()
        process.wait(15)


#: Prints what is read from an address.
FETCH = "import sys, urllib.request as r; sys.stdout.write(r.urlopen(sys.argv[1], timeout=10).read().decode())"


def fetch(lab: Instance, url: str) -> str:
    """Return what is read from an address inside the lab; empty while nobody answers there."""
    argv = argv_inside(lab, "ctl", [sys.executable, "-I", "-c", FETCH, url])
    return subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False).stdout


def ask(lab: Instance, base: str, path: str) -> Any:
    """Return the data of an answer of Prometheus, None while there is none."""
    try:
        return json.loads(fetch(lab, base + path))["data"]
    except (ValueError, KeyError):
        return None


def value(lab: Instance, base: str, query: str) -> dict[str, float]:
    """Return an instant vector by device."""
    found = ask(lab, base, f"/api/v1/query?query={quote(query)}") or {"result": []}
    return {r["metric"].get("device", ""): float(r["value"][1]) for r in found["result"]}


def loaded_alerts(lab: Instance, base: str) -> set[str]:
    """Return the alerts that a Prometheus has loaded."""
    return {rule["name"] for group in ask(lab, base, "/api/v1/rules")["groups"] for rule in group["rules"]}


def test_metrics_are_accepted_scraped_and_alerted_on(
    exporter: Instance, own_prometheus: str, lab_estate: Estate
) -> None:
    host, port = targets.find_exporter_address(lab_estate) or ("", 0)
    wait_until(lambda: fetch(exporter, f"http://[{host}]:{port}/healthz") == "ok\n", 90, "the exporter is not ready")
    page = fetch(exporter, f"http://[{host}]:{port}/metrics")
    verdict = rules.check_metrics(page.encode(), image.program("promtool"))
    assert verdict.ok and not verdict.errors, verdict.errors
    wait_until(lambda: value(exporter, own_prometheus, 'up{job="rackproof"}') == {"dc-ctl1": 1.0}, 90, "not scraped")
    wait_until(lambda: len(value(exporter, own_prometheus, "rackproof_device_up")) == 20, 90, "no metrics")
    assert loaded_alerts(exporter, own_prometheus) == {rule.alert for _, rule in rules.list_alerts()}

    def firing() -> set[tuple[str, str]]:
        alerts = (ask(exporter, own_prometheus, "/api/v1/alerts") or {"alerts": []})["alerts"]
        return {(a["labels"]["alertname"], a["labels"].get("device", "")) for a in alerts if a["state"] == "firing"}

    expected = {("SensorSilent", "env-dc"), ("UpsRedundancyLost", "ups-a")}
    assert not expected & firing()
    facility.control(exporter.run_dir, "env-dc", "sensor:R1/front-top", "missing")
    facility.control(exporter.run_dir, "ups-a", "modules", "2")
    try:
        wait_until(lambda: expected <= firing(), 120, "no alert")
    finally:
        facility.control(exporter.run_dir, "env-dc", "sensor:R1/front-top", "ok")
        facility.control(exporter.run_dir, "ups-a", "modules", "3")
    wait_until(lambda: not expected & firing(), 90, "the alert stays")


def test_all_devices_answer_over_ipv6_once_provisioned(provisioned_lab: Instance, rackproof: Run) -> None:
    found = by_device(rackproof("monitor", "poll", "--json"))
    assert len(found) == 20
    for item in found.values():
        assert ":" in item["address"], f"{item['device']} was not reached over IPv6"
        assert {r["quality"] for r in item["readings"]} == {"good"}, item


def test_the_provisioned_prometheus_scrapes_everything(
    provisioned_lab: Instance, exporter: Instance, lab_estate: Estate
) -> None:
    base = f"http://[{require(lab_estate.address('dc-mgmt1').ipv6).ip}]:9090"
    wait_until(lambda: len(value(exporter, base, "rackproof_device_up == 1")) == 20, 90, "no readings")
    hosts = {device.name: 1.0 for device in lab_estate.devices.values() if device.kind == "host"}
    wait_until(lambda: value(exporter, base, 'up{job="node"}') == hosts, 90, "no host metrics")
    assert loaded_alerts(exporter, base) == {rule.alert for _, rule in rules.list_alerts()}
