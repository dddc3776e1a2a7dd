"""The product's own services: what data says belongs where, what a host is asked, and what its probe really sees."""

from __future__ import annotations

import http.server
import json
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from checks.collect import service_probe
from checks.judge.liveness import read_moment, read_samples
from checks.register.requirement import Requirement
from checks.register.services import FILE, expect_samples, find_hosts, make_question, read_services
from core.errors import ErrorGroup, RackproofError
from core.workspace import REPOSITORY
from inventory.model.estate import Estate
from tests.support import POLL_S

from .conftest import NOW, read_capture

ROLES = REPOSITORY / "roles"
#: Units that a role starts and no requirement asks for: the SSH service, which every judgement comes through.
NOT_OURS = {"ssh.service"}


def test_every_service_that_a_role_starts_is_in_the_data() -> None:
    """A role that declares a unit of systemd makes a promise: it must be judged."""
    known = {
        unit
        for service in read_services().services.values()
        for unit in [service.unit, *(timer.unit for timer in service.timers)]
        if unit
    }
    started = set()
    for file in sorted(ROLES.glob("*/vars/main.yml")):
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
        lists = [value for name, value in values.items() if name.endswith(("_services", "_timers"))]
        started |= {entry["unit"] for found in lists if isinstance(found, list) for entry in found}
    plain = {unit for unit in started if "{{" not in unit}
    assert {"prometheus.service", "chrony.service", "snmpd.service", "rackproof-canary.timer"} <= plain
    assert plain - NOT_OURS - known == set()


def test_every_timer_of_the_backups_is_in_the_data() -> None:
    schedule = yaml.safe_load((ROLES / "pgbackrest_repository" / "defaults" / "main.yml").read_text(encoding="utf-8"))
    timers = {timer.unit for timer in read_services().services["backup-timers"].timers}
    kinds = schedule["pgbackrest_repository_schedule"]
    assert timers == {f"pgbackrest-backup-{kind}.timer" for kind in kinds}


def test_the_paths_and_ports_are_those_of_the_roles() -> None:
    """A port that a role moves and the data does not would be red for ever, and one that both forget green."""
    found = read_services().services
    for name, role in {"prometheus": "prometheus", "node-exporter": "node_metrics"}.items():
        values = yaml.safe_load((ROLES / role / "defaults" / "main.yml").read_text(encoding="utf-8"))
        assert {page.port for page in found[name].asks} == {values[f"{role}_port"]}


def test_every_service_is_asked_for_by_a_requirement(requirements: dict[str, Requirement]) -> None:
    asked = {name for item in requirements.values() for name in item.check.services}
    assert asked == set(read_services().services)


def test_every_host_must_have_what_its_role_brings(estate: Estate) -> None:
    found = read_services().services
    hosts = {name: [device.name for device in find_hosts(estate, service)] for name, service in found.items()}
    assert hosts["prometheus"] == ["dc-mgmt1"]
    assert hosts["exporter"] == hosts["watch"] == ["dc-ctl1"]
    assert hosts["node-exporter"] == [device.name for device in estate.devices.values() if device.kind.value == "host"]
    assert hosts["database"] == ["dc-db1"]


def test_what_runs_on_the_controller_is_asked_from_the_management_host(estate: Estate) -> None:
    question = json.loads(make_question(estate, estate.devices["dc-mgmt1"]))
    urls = {name: url for name, url, _keep in question["pages"]}
    assert urls["exporter dc-ctl1 9780/metrics"] == f"http://[{estate.ipv6('dc-ctl1')}]:9780/metrics"
    assert not [
        name
        for name, _url, _keep in json.loads(make_question(estate, estate.devices["dc-db1"]))["pages"]
        if "dc-ctl1" in name
    ]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("    unit: prometheus.service", "    unti: prometheus.service", "unti"),
        ("    program: /usr/bin/prometheus\n", "", "needs the program"),
        ("max_age_s: 60}", "max_agee_s: 60}", "max_agee_s"),
        ("of: targets, max_age_s: 60", "of: targets", "belong together"),
        (
            "    seen_from: management\n    asks:\n      - port: 9780",
            "    unit: x.service\n    program: x\n    seen_from: management\n    asks:\n      - port: 9780",
            "known by its pages alone",
        ),
        ("steady_s: 30", "steady_s: 30\nsteady_s: 31", "steady_s"),
        ("listens: [tcp/9090]", "listens: [http/9090]", "listens"),
    ],
)
def test_a_mistake_in_the_data_has_its_place(tmp_path: Path, old: str, new: str, says: str) -> None:
    text = FILE.read_text(encoding="utf-8")
    assert old in text
    file = tmp_path / "services.yml"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RackproofError) as caught:
        read_services(file)
    errors = caught.value.errors if isinstance(caught.value, ErrorGroup) else [caught.value]
    assert any(says in str(error) and error.place and error.place.file == file and error.place.line for error in errors)
    assert caught.value.exit_code == 3


def test_a_requirement_names_only_services_that_are_known(tmp_path: Path) -> None:
    from checks.register.register import REQUIREMENTS_DIR, load_requirements

    text = (REQUIREMENTS_DIR / "1.5" / "QH-3-NOC.yml").read_text(encoding="utf-8")
    file = tmp_path / "1.5" / "QH-3-NOC.yml"
    file.parent.mkdir()
    for old, new, says in (
        ("    - node-exporter\n", "    - node-exportr\n", "node-exporter"),
        ("    - services\n", "", "name both or neither"),
    ):
        file.write_text(text.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(RackproofError, match=says):
            load_requirements(tmp_path)


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"node_time_seconds 5\nother 1\n" if self.path == "/metrics" else b""
        self.send_response(200 if body else 503)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def page() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, args=(POLL_S,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_page_is_kept_by_the_lines_that_are_wanted(page: str) -> None:
    assert service_probe.ask_page(f"{page}/metrics", ["node_time"])["body"] == "node_time_seconds 5"
    assert service_probe.ask_page(f"{page}/metrics", [])["body"] == "node_time_seconds 5\nother 1"


def test_a_page_that_does_not_answer_is_trouble_by_name(page: str) -> None:
    assert service_probe.ask_page(f"{page}/elsewhere", [])["trouble"] == "HTTP 503"
    assert "refused" in str(service_probe.ask_page("http://127.0.0.1:1/", [])["trouble"])


def test_the_program_of_a_process_is_its_file_not_its_name() -> None:
    assert service_probe.read_program(str(os.getpid())) == str(Path(sys.executable).resolve())
    assert service_probe.read_program("0") == ""


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", 0.0),
        ("n/a", 0.0),
        ("infinity", 0.0),
        ("@1764187200", 1764187200.0),
        ("Thu 2026-11-26 20:48:22 UTC", 1795726102.0),
    ],
)
def test_moments_of_systemd(text: str, seconds: float) -> None:
    assert read_moment(text) == seconds


@pytest.mark.parametrize("text", ["Thu 2026-11-26 20:48:22 +07", "yesterday"])
def test_what_is_no_moment_is_not_zero(text: str) -> None:
    with pytest.raises(ValueError):
        read_moment(text)


def test_the_judge_reads_what_the_exporter_really_serves(estate: Estate) -> None:
    """The page is made by the monitoring room's own code: a metric or a label that is renamed there turns this red."""
    from monitoring.export.exporter import Exporter
    from monitoring.poll.collect import Poller
    from monitoring.poll.raw import RawPoll

    polls = [RawPoll.from_bytes(entry.raw) for entry in read_capture() if entry.item.collector == "snmp"]
    devices = [device for device in estate.devices.values() if device.snmp is not None]
    exporter = Exporter(estate, Poller(estate, {}), devices, 15.0)
    for poll in polls:
        exporter.take(poll)
    (page,) = read_services().services["exporter"].asks
    found = read_samples(page, exporter.metrics(NOW).decode(), "dc-ctl1")
    assert found.keys() == expect_samples(estate, page) == {device.name for device in devices}
    moments = {poll.device: poll.t1.timestamp() for poll in polls}
    assert all(abs(found[name] - moments[name]) < 1 for name in found)


def test_the_judge_reads_what_the_watch_really_serves(tmp_path: Path) -> None:
    from prometheus_client import CollectorRegistry, generate_latest

    from checks.watch.history import History
    from checks.watch.metrics import VerdictCollector
    from core.store import open_store

    registry = CollectorRegistry()
    registry.register(VerdictCollector(History(open_store(f"sqlite:///{tmp_path / 's.sqlite'}")), lambda: NOW))
    (page,) = read_services().services["watch"].asks
    found = read_samples(page, generate_latest(registry).decode(), "dc-ctl1")
    assert found == {"dc-ctl1": pytest.approx(NOW.timestamp(), abs=1)}
