"""The lab that tests share: raised once per session as instance ``t``, taken down whatever happens, then gone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.workspace import REPOSITORY, Workspace
from inventory.estate import Estate
from inventory.load import load_estate
from lab import sweep
from lab.instance import ESTATE, Instance, instance

NAME = "t"
COMMAND_TIMEOUT_S = 600

# A shell without job control starts what it puts in the background deaf to Ctrl-C, and deafness is inherited: a test
# that interrupts a child would then wait for nothing. Caught here, it is the default again in every child.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

Rackproof = Callable[..., subprocess.CompletedProcess[str]]


def run_rackproof(
    *arguments: str, expected: int | None = 0, lab: str = NAME, timeout: float = COMMAND_TIMEOUT_S
) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user would; fails the test when the exit code is not ``expected`` (None: any)."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RACKPROOF_")} | {"RACKPROOF_LAB": lab}
    if "RACKPROOF_STATE" in os.environ:
        environment["RACKPROOF_STATE"] = os.environ["RACKPROOF_STATE"]
    done = subprocess.run(
        [str(REPOSITORY / "rackproof"), *arguments], env=environment, capture_output=True, text=True,
        timeout=timeout, check=False, stdin=subprocess.DEVNULL,
    )
    shown = f"rackproof {' '.join(arguments)}: exit {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    assert expected is None or done.returncode == expected, shown
    return done


@pytest.fixture(scope="session")
def rackproof() -> Rackproof:
    """The command line, against the shared lab: ``rackproof("net", "plan", expected=0)``."""
    return run_rackproof


@pytest.fixture(scope="session")
def lab() -> Iterator[Instance]:
    """The shared lab, up, as it is right after ``lab up``; needs root (without it such tests fail, never pass)."""
    if os.geteuid() != 0:
        pytest.fail("this test needs root: run `sudo ./rackproof test`, or leave it out with --fast")
    before = {key: os.environ.get(key) for key in ("RACKPROOF_LAB", "RACKPROOF_WORKSPACE", "RACKPROOF_ESTATE")}
    os.environ["RACKPROOF_LAB"] = NAME
    os.environ.pop("RACKPROOF_WORKSPACE", None)
    os.environ.pop("RACKPROOF_ESTATE", None)
    found = instance(NAME)
    try:
        run_rackproof("lab", "down")
        shutil.rmtree(found.run_dir, ignore_errors=True)
        run_rackproof("lab", "up")
        yield found
    finally:
        run_rackproof("lab", "down", expected=None)
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value
    left = sweep.leftovers(found)
    assert not left, f"`lab down` left something behind: {left}"
    shutil.rmtree(found.run_dir, ignore_errors=True)


@pytest.fixture(scope="session")
def lab_workspace(lab: Instance) -> Workspace:
    """The workspace of the shared lab."""
    return lab.workspace


@pytest.fixture(scope="session")
def lab_estate(lab: Instance) -> Estate:
    """The estate of the shared lab."""
    return load_estate(ESTATE)


@pytest.fixture(scope="session")
def networked_lab(lab: Instance) -> Instance:
    """The shared lab after the IPv6 rollout."""
    plan = json.loads(run_rackproof("net", "plan", "--json").stdout)
    run_rackproof("net", "apply", "--approve", str(plan["plan_id"]))
    return lab


@pytest.fixture(scope="session")
def provisioned_lab(networked_lab: Instance) -> Instance:
    """The shared lab after the IPv6 rollout and a provisioning run of every host."""
    run_rackproof("provision", "apply")
    return networked_lab


@pytest.fixture
def repository() -> Path:
    """The root of the repository."""
    return REPOSITORY
