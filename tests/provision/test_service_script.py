"""The script that keeps a service running with what it reads, against a systemd that answers as it is told."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from roles.services import SERVICE_SCRIPT, ServiceUnit
from tests.provision.rolefiles import ROLES

LONG_AGO = "Thu 2020-01-02 03:04:05.000000 UTC"
HEALTHY = {
    "LoadState": "loaded",
    "ActiveState": "active",
    "SubState": "running",
    "Result": "success",
    "UnitFileState": "enabled",
    "NeedDaemonReload": "no",
    "InactiveExitTimestamp": "Thu 2099-01-02 03:04:05.000000 UTC",
    "StateChangeTimestamp": "Thu 2099-01-02 03:04:05.000000 UTC",
    "DropInPaths": "",
    "FragmentPath": "/lib/x.service",
    "InvocationID": "abc",
    "ExecStart": "{ path=/x ; argv[]=/bin/x --run ; ignore_errors=no }",
}
SYSTEMCTL = """#!/bin/sh
echo "$*" >> "$FAKE/calls"
case $1 in
  show) cat "$FAKE/state" ;;
  *) [ ! -e "$FAKE/after" ] || cp "$FAKE/after" "$FAKE/state" ;;
esac
"""

SLEEP = """#!/bin/sh
[ ! -e "$FAKE/later" ] || cp "$FAKE/later" "$FAKE/state"
"""


Host = Callable[..., tuple[subprocess.CompletedProcess[str], list[str]]]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A folder of programs that stand in for those of a host; returns a function that runs the script there."""
    programs = {
        "systemctl": SYSTEMCTL,
        "journalctl": "#!/bin/sh\necho told-reason\n",
        "sleep": SLEEP,
        "ss": "#!/bin/sh\n",
    }
    for name, text in programs.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)

    def run(
        mode: str,
        service: ServiceUnit,
        changed: Sequence[str] = (),
        after: dict[str, str] | None = None,
        later: dict[str, str] | None = None,
        **state: str,
    ) -> tuple[subprocess.CompletedProcess[str], list[str]]:
        _write(tmp_path / "state", HEALTHY | state)
        (tmp_path / "calls").write_text("")
        if after is not None:
            _write(tmp_path / "after", HEALTHY | after)
        if later is not None:
            _write(tmp_path / "later", HEALTHY | later)
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "FAKE": str(tmp_path)}
        argv = ["sh", "-s", "--", mode, *service.arguments(changed)]
        done = subprocess.run(
            argv,
            input=SERVICE_SCRIPT.read_text(),
            env=environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        calls = [line for line in (tmp_path / "calls").read_text().splitlines() if not line.startswith("show")]
        return done, calls

    return run


def _write(file: Path, values: dict[str, str]) -> None:
    file.write_text("".join(f"{key}={value}\n" for key, value in values.items()))


UNIT = ServiceUnit("x.service", patience_s=1)


def test_a_healthy_service_is_left_alone(host: Host) -> None:
    done, calls = host("mend", UNIT)
    assert (done.returncode, done.stdout, calls) == (0, "", [])


@pytest.mark.parametrize(
    ("state", "verbs"),
    [
        ({"UnitFileState": "disabled"}, ["enable"]),
        ({"UnitFileState": "enabled-runtime"}, ["enable"]),
        ({"ActiveState": "inactive"}, ["start"]),
        ({"ActiveState": "failed", "Result": "exit-code"}, ["start"]),
        ({"ActiveState": "activating", "SubState": "auto-restart"}, ["start"]),
        ({"LoadState": "masked", "UnitFileState": "masked", "ActiveState": "inactive"}, ["unmask", "enable", "start"]),
        ({"NeedDaemonReload": "yes"}, ["restart"]),
        ({"LoadState": "not-found"}, ["missing"]),
        ({"LoadState": ""}, ["missing"]),
    ],
)
def test_what_is_not_as_it_should_be_is_named(host: Host, state: dict[str, str], verbs: list[str]) -> None:
    done, calls = host("ask", UNIT, **state)
    assert [line.split()[0] for line in done.stdout.splitlines()] == verbs and calls == []
    assert all("x.service: " in line for line in done.stdout.splitlines())


@pytest.mark.parametrize(
    ("kind", "verb", "timestamp"),
    [
        ("reads", "restart", "InactiveExitTimestamp"),
        ("rereads", "reload", "StateChangeTimestamp"),
    ],
)
def test_a_file_that_is_newer_than_the_service_is_read(
    host: Host, tmp_path: Path, kind: str, verb: str, timestamp: str
) -> None:
    """Also when its modification time was set back, and when it is one of a folder."""
    folder = tmp_path / "conf.d"
    folder.mkdir()
    (folder / "a.conf").write_text("x")
    os.utime(folder / "a.conf", (0, 0))
    os.utime(folder, (0, 0))
    paths: dict[str, Any] = {kind: (str(folder),)}
    service = ServiceUnit("x.service", patience_s=1, **paths)
    done, calls = host("mend", service, after={}, **{timestamp: LONG_AGO})
    assert done.stdout.startswith(f"{verb} x.service: {folder}")
    assert f"{verb} x.service" in calls and done.returncode == 0


def test_a_reload_does_not_stand_in_for_a_restart(host: Host, tmp_path: Path) -> None:
    (tmp_path / "settings").write_text("x")
    service = ServiceUnit("x.service", reads=(str(tmp_path / "settings"),))
    done, _calls = host("ask", service, InactiveExitTimestamp=LONG_AGO)
    assert done.stdout.startswith("restart ")


def test_a_plan_counts_the_files_that_it_would_change(host: Host) -> None:
    service = ServiceUnit("x.service", reads=("/etc/x",), rereads=("/etc/y",))
    assert host("ask", service, changed=["/etc/x/new"])[0].stdout.startswith("restart ")
    assert host("ask", service, changed=["/etc/y"])[0].stdout.startswith("reload ")
    assert host("ask", service, changed=["/etc/other"])[0].stdout == ""


@pytest.mark.parametrize(
    "service",
    [
        ServiceUnit("x.service", listens=("tcp:9",), patience_s=1),
        ServiceUnit("x.service", answers="false", patience_s=1),
    ],
)
def test_a_service_that_only_runs_is_red(host: Host, service: ServiceUnit) -> None:
    done, calls = host("mend", service)
    assert done.returncode == 1 and "restart x.service" in calls
    assert "/bin/x --run" in done.stderr and "told-reason" in done.stderr


def test_a_service_that_dies_after_its_start_is_red_with_its_reason(host: Host) -> None:
    done, _calls = host("mend", UNIT, ActiveState="inactive", after={"ActiveState": "failed", "Result": "exit-code"})
    assert done.returncode == 1 and "told-reason" in done.stderr and "exit-code" in done.stderr


def test_a_service_that_systemd_had_to_start_again_is_red(host: Host) -> None:
    done, _calls = host("mend", UNIT, ActiveState="inactive", after={}, later={"InvocationID": "another"})
    assert done.returncode == 1 and "started again" in done.stderr


def test_a_unit_that_cannot_be_known_is_red(host: Host) -> None:
    assert host("mend", UNIT, LoadState="not-found")[0].returncode == 1


def test_no_role_reads_a_path_with_a_blank() -> None:
    """The script takes lists as words."""
    for file in ROLES.glob("*/vars/main.yml"):
        assert "/etc/ " not in file.read_text(encoding="utf-8")
