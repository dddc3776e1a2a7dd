"""Prometheus gets the targets of the estate as it is, or an error that makes it keep what it has; no wrong list."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from core.errors import ExitCode
from inventory.export.prometheus import JOBS, targets
from inventory.load.loader import load_estate
from rackproof import run
from tests.support import needs_program, wait_until

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "lab" / "estate"


def free_port() -> int:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return int(line.getsockname()[1])


class Page(NamedTuple):
    status: int
    type: str
    text: str


class Server(NamedTuple):
    url: str
    port: int
    process: subprocess.Popen[bytes]
    said: Callable[[], str]


def fetch(url: str) -> Page:
    """Return status, type and text of an answer."""
    try:
        answer = urlopen(url, timeout=20)  # noqa: S310 - our own server
    except HTTPError as error:
        answer = error
    with answer:
        return Page(status=answer.status, type=answer.headers["content-type"], text=answer.read().decode())


def answers(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def serving(folder: Path, state: Path, *options: str) -> Iterator[Server]:
    port = free_port()
    environment = {**os.environ, "RACKPROOF_STATE": str(state), "PYTHONPATH": str(ROOT), "RACKPROOF_LANG": "en"}
    command = [
        sys.executable,
        "-P",
        "-m",
        "rackproof",
        "--estate",
        str(folder),
        "estate",
        "serve-sd",
        *options,
        "--listen",
        f"127.0.0.1:{port}",
    ]
    with (state / "said").open("w") as said:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=said, stderr=said)
    try:
        wait_until(lambda: answers(port) or process.poll() is not None, 30)
        yield Server(url=f"http://127.0.0.1:{port}", port=port, process=process, said=(state / "said").read_text)
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    shutil.copytree(LAB, tmp_path / "lab" / "estate")
    shutil.copytree(ROOT / "inventory" / "estate", tmp_path / "inventory" / "estate")  # where the lab's tiers are
    return tmp_path / "lab" / "estate"


@pytest.fixture
def server(estate: Path, tmp_path: Path) -> Iterator[Server]:
    with serving(estate, tmp_path) as running:
        yield running


def test_every_job_is_the_list_of_the_estate(server: Server, estate: Path) -> None:
    wanted = targets(load_estate(estate))
    assert json.loads(fetch(f"{server.url}/sd/").text) == {job: f"/sd/{job}" for job in JOBS}
    for job in JOBS:
        answer = fetch(f"{server.url}/sd/{job}")
        assert (answer.status, answer.type) == (200, "application/json")
        assert json.loads(answer.text) == wanted[job] and wanted[job]
    assert fetch(f"{server.url}/sd/bogus").status == 404
    assert fetch(f"{server.url}/healthz").status == 200


def test_a_changed_estate_is_served_at_once_and_a_wrong_one_not_at_all(server: Server, estate: Path) -> None:
    host = "dc-mgmt1"
    before = fetch(f"{server.url}/sd/node").text
    file = estate / "sites" / "dc.yml"
    good = file.read_text("utf-8")
    assert host in before
    for _ in range(2):
        file.write_text(good.replace("host: 11", "host: 61"), "utf-8")
        changed = fetch(f"{server.url}/sd/node")
        assert changed.status == 200 and "::61]" in changed.text
        assert json.loads(changed.text) == targets(load_estate(estate))["node"]
        file.write_text(good.replace("tier: DC\n", "tier: DCC\n"), "utf-8")
        for path in ("sd/node", "sd/", "healthz"):
            wrong = fetch(f"{server.url}/{path}")
            assert wrong.status == 503 and "EST101" in wrong.text and "dc.yml:" in wrong.text
        file.write_text(good, "utf-8")
        assert fetch(f"{server.url}/sd/node").text == before
    assert server.said().count("answers are 503") == server.said().count("right again") == 2


def test_an_estate_that_is_gone_is_no_empty_list(server: Server, estate: Path) -> None:
    assert fetch(f"{server.url}/sd/snmp").status == 200
    estate.rename(estate.with_name("elsewhere"))
    assert fetch(f"{server.url}/sd/snmp").status == 503


def test_it_starts_with_a_wrong_estate_and_says_so(estate: Path, tmp_path: Path) -> None:
    (estate / "links.yml").write_text("links: 1\n")
    with serving(estate, tmp_path) as running:
        assert fetch(f"{running.url}/sd/node").status == 503
        assert "EST022" in running.said()


def test_only_the_jobs_asked_for_are_served(estate: Path, tmp_path: Path) -> None:
    with serving(estate, tmp_path, "--job", "node") as running:
        assert list(json.loads(fetch(f"{running.url}/sd/").text)) == ["node"]
        assert fetch(f"{running.url}/sd/snmp").status == 404


def test_it_listens_on_the_address_asked_for_and_no_other(server: Server) -> None:
    with socket.socket() as line:
        assert line.connect_ex(("127.0.0.2", server.port)) != 0


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, ExitCode.OK)])
def test_it_ends_when_it_is_told_to(server: Server, sent: signal.Signals, code: ExitCode) -> None:
    assert fetch(f"{server.url}/healthz").status == 200
    server.process.send_signal(sent)
    assert server.process.wait(20) == code
    assert "Traceback" not in server.said()
    assert not answers(server.port)


@pytest.mark.parametrize("lang", ["en", "vi"])
@pytest.mark.parametrize(
    ("listen", "code"),
    [
        ("9781", "EST080"), ("127.0.0.1", "EST080"), ("127.0.0.1:0", "EST080"), ("127.0.0.1:65536", "EST080"),
        ("here:9781", "EST080"), ("::1:9781", "EST080"), ("[127.0.0.1]:9781", "EST080"), ("224.0.0.1:9781", "EST080"),
        ("0.0.0.0:9781", "EST082"), ("[::]:9781", "EST082"), ("192.0.2.1:9781", "EST081"),
        ("[2001:db8::1]:9781", "EST081"),
    ],
)  # fmt: skip
def test_an_address_that_is_none_or_not_ours_is_refused(
    listen: str, code: str, lang: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RACKPROOF_LANG", lang)
    monkeypatch.setenv("RACKPROOF_ESTATE", str(LAB))
    assert run(["estate", "serve-sd", "--listen", listen]) == ExitCode.USAGE
    assert f"[{code}]" in capsys.readouterr().err


def test_a_port_that_is_taken_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    monkeypatch.setenv("RACKPROOF_ESTATE", str(LAB))
    assert run(["estate", "serve-sd", "--listen", f"127.0.0.1:{server.port}"]) == ExitCode.USAGE
    assert "[EST081]" in capsys.readouterr().err


def test_an_unknown_job_is_refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RACKPROOF_LANG", "en")
    assert run(["estate", "serve-sd", "--listen", "127.0.0.1:1", "--job", "nod"]) == ExitCode.USAGE
    assert "did you mean 'node'?" in capsys.readouterr().err


def prometheus_config(server: Server, folder: Path) -> Path:
    sd = [
        {
            "job_name": job,
            "scrape_interval": "1s",
            "http_sd_configs": [{"url": f"{server.url}/sd/{job}", "refresh_interval": "1s"}],
        }
        for job in JOBS
    ]
    file = folder / "prometheus.yml"
    file.write_text(json.dumps({"scrape_configs": sd}))  # JSON is YAML
    return file


@needs_program("promtool")
@pytest.mark.parametrize("job", JOBS)
def test_promtool_reads_what_is_served(server: Server, estate: Path, tmp_path: Path, job: str) -> None:
    command = ["promtool", "check", "service-discovery", "--timeout=3s", str(prometheus_config(server, tmp_path)), job]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found = {item["labels"]["__address__"] for item in json.loads(done.stdout)}
    assert found == {entry["targets"][0] for entry in targets(load_estate(estate))[job]}


@pytest.mark.lab
def test_prometheus_follows_the_estate_and_keeps_its_targets_while_it_is_wrong(
    server: Server, estate: Path, tmp_path: Path
) -> None:
    from lab import image

    port = free_port()
    command = [
        *image.program("prometheus"),
        f"--config.file={prometheus_config(server, tmp_path)}",
        f"--storage.tsdb.path={tmp_path}/data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]

    def active() -> set[str] | None:
        try:
            found = json.loads(fetch(f"http://127.0.0.1:{port}/api/v1/targets?state=active").text)["data"]
        except (OSError, ValueError):
            return None  # still starting
        return {target["discoveredLabels"]["__address__"] for target in found["activeTargets"]}

    def failures() -> float:
        page = fetch(f"http://127.0.0.1:{port}/metrics").text
        return sum(
            float(line.split()[1]) for line in page.splitlines() if line.startswith("prometheus_sd_http_failures_total")
        )

    def listed() -> set[str]:
        return {entry["targets"][0] for job in targets(load_estate(estate)).values() for entry in job}

    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until(lambda: active() == listed(), 60)
        file = estate / "sites" / "dc.yml"
        good = file.read_text("utf-8")
        file.write_text(good.replace("host: 11", "host: 61"), "utf-8")
        wait_until(lambda: active() == listed(), 60)
        known = active()
        file.write_text(good.replace("tier: DC\n", "tier: DCC\n"), "utf-8")
        seen = failures()
        wait_until(lambda: failures() >= seen + 2 * len(JOBS), 60)
        assert active() == known
        file.write_text(good, "utf-8")
        wait_until(lambda: active() == listed() != known, 60)
    finally:
        process.terminate()
        process.wait(20)


def test_samples_of_other_sites_do_not_get_the_tier_of_the_exporters_host() -> None:
    found = targets(load_estate(LAB))
    assert {frozenset(entry["labels"]) for entry in found["rackproof"]} == {frozenset({"device", "site"})}
    assert all({"tier", "role"} <= set(entry["labels"]) for job in ("node", "snmp") for entry in found[job])
