"""The doctor never takes what it could not look at for good."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lab import doctor, packages, preflight, probe
from lab.doctor import MachineFinding
from tests.support import json_of, needs_program


def run(*arguments: str) -> Result:
    return CliRunner().invoke(doctor.app, list(arguments))


def test_without_root_it_says_what_works_and_what_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    done = run("--json")
    assert done.exit_code == 1
    data = json_of(done.stdout)
    states = {finding["name"]: finding["state"] for finding in data["findings"]}
    assert states["root"] == "lacking"
    assert states["kernel features"] == "unknown"
    assert not data["lab_can_run"]
    assert any("evidence verify" in verb for verb in data["works_without_root"])
    assert any("demo" in verb for verb in data["needs_root"])


@pytest.mark.parametrize(("state", "code"), [("ok", 0), ("lacking", 1), ("unknown", 1)])
def test_only_ok_is_ok(state: str, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "examine", lambda: [MachineFinding("x", state, "detail", "remedy")])
    done = run()
    assert done.exit_code == code
    assert "remedy" in done.stdout


def test_a_missing_program_names_its_debian_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "needed", lambda: [packages.Needed("no-such-program", "some-package", "why")])
    assert packages.missing() == ["some-package"]
    assert doctor.find_programs() == [
        MachineFinding("no-such-program", "lacking", "why", "apt-get install some-package")
    ]


def test_every_needed_program_has_package_and_purpose() -> None:
    assert all(item.program and item.package and item.purpose for item in packages.needed())


@needs_program("ip")
def test_a_failing_probe_tells_why() -> None:
    with pytest.raises(OSError, match="ip: "):
        probe.run_trial("ip", "link", "add", "x", "type", "no-such-type")


def test_too_few_inotify_instances_are_seen_before_anything_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = tmp_path / "max_user_instances"
    limit.write_text("1\n")
    monkeypatch.setattr(preflight, "INOTIFY_LIMIT", limit)
    monkeypatch.setattr(preflight, "missing_packages", list)
    said: list[str] = []
    lacking = preflight.inotify_lacking(10)
    assert lacking > 0

    def step(text: str, *, done: int | None = None, total: int | None = None) -> None:
        said.append(text)

    preflight.check(10, step)
    assert int(limit.read_text()) >= 1 + lacking
    assert any("inotify" in text for text in said)
    assert preflight.inotify_lacking(10) == 0
