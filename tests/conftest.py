"""The lab that tests share: one per process, under its own name, taken down whatever happens, then gone."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.workspace import REPOSITORY, Workspace
from inventory.load.loader import load_estate
from inventory.model.estate import Estate
from lab import image_store, sweep
from lab.enter import set_netns
from lab.instance import ESTATE, Instance, instance
from tests.branch_coverage import list_rooms_coverage
from tests.support import json_of

NAME = f"t{os.environ.get('PYTEST_XDIST_WORKER', '')}"
COMMAND_TIMEOUT_S = 600

# A shell without job control starts what it puts in the background deaf to Ctrl-C, and deafness is inherited: a test
# that interrupts a child would then wait for nothing. Caught here, it is the default again in every child.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

#: Groups of tests that share something and must run in one process, the longest first; every other file is its own.
GROUPS = ("lab", "provisioning lab", "netbox")
#: Its tests of the lab take as long as those of all other folders: they are the other process's, with a lab there.
PROVISIONING = "tests/provision/"

SHUFFLE = "--shuffle"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer another order, in which a test that needs what an earlier one left is red."""
    parser.addoption(SHUFFLE, type=int, metavar="SEED", help="run modules, and the tests of each, in an order by SEED")


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Show the branch coverage of each room where it was measured: ``./rackproof test --coverage``."""
    if config.getoption("cov_source", None):
        terminalreporter.section("branch coverage")
        for line in list_rooms_coverage():
            terminalreporter.line(line)


@pytest.hookimpl(tryfirst=True)  # before the hook of the same name in which the scheduler reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give every test its group, so that two processes share the work and what is shared is raised once."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group_of(item)))
    seed = config.getoption(SHUFFLE)
    if seed is not None:
        items[:] = shuffle_modules(items, seed)
    items.sort(key=_rank)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Stop where the scheduler did not take the groups: two processes would raise the one lab at the same time."""
    if session.config.getoption("loadgroup", False):
        lost = [item.nodeid for item in session.items if not item.nodeid.endswith(f"@{_group_of(item)}")]
        if lost:
            raise pytest.UsageError(f"tests without their group: {lost[:3]}; see pytest's and pytest-xdist's versions")


def shuffle_modules(items: Iterable[pytest.Item], seed: int) -> list[pytest.Item]:
    """Return tests in an order by ``seed``; those of a module stay together, as its fixtures need it."""
    dice = random.Random(seed)  # noqa: S311 - an order, not a secret
    modules: dict[str, list[pytest.Item]] = {}
    for item in items:
        modules.setdefault(item.nodeid.partition("::")[0], []).append(item)
    groups = list(modules.values())
    dice.shuffle(groups)
    for group in groups:
        dice.shuffle(group)
    return [item for group in groups for item in group]


def _group_of(item: pytest.Item) -> str:
    needed, file = getattr(item, "fixturenames", ()), item.nodeid.partition("::")[0]
    if "lab" in needed:
        return "provisioning lab" if file.startswith(PROVISIONING) else "lab"
    return "netbox" if "netbox" in needed else file


def _rank(item: pytest.Item) -> int:
    """Return the place of a test's group: the shared lab first, then what raises a lab of its own."""
    group = _group_of(item)
    if group in GROUPS:
        return GROUPS.index(group)
    return len(GROUPS) if item.get_closest_marker("lab") else len(GROUPS) + 1


#: What the shared lab sets for as long as it is up.
LAB_SETTINGS = ("RACKPROOF_LAB", "RACKPROOF_WORKSPACE", "RACKPROOF_ESTATE")


@pytest.fixture(autouse=True)
def _own_settings_and_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep the shared lab from the tests that do not ask for it, and this process in the network it was started in.

    A verb that speaks to devices, run inside this process while the lab is up, goes into the lab's network for good:
    what came afterwards had no name server.
    """
    if "lab" not in request.fixturenames:
        for name in LAB_SETTINGS:
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(image_store.SETTING, "")  # what a test builds in play is no image for anybody else
    before = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield
        if not os.path.samestat(os.fstat(before), Path("/proc/self/ns/net").stat()):
            set_netns(Path(f"/proc/self/fd/{before}"))
            pytest.fail("the test left this process in another network")
    finally:
        os.close(before)


Rackproof = Callable[..., subprocess.CompletedProcess[str]]


def run_rackproof(
    *arguments: str, expected: int | None = 0, lab: str = NAME, timeout: float = COMMAND_TIMEOUT_S
) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user would; fails the test when the exit code is not ``expected`` (None: any)."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RACKPROOF_")} | {"RACKPROOF_LAB": lab}
    if "RACKPROOF_STATE" in os.environ:
        environment["RACKPROOF_STATE"] = os.environ["RACKPROOF_STATE"]
    done = subprocess.run(
        [str(REPOSITORY / "rackproof"), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        stdin=subprocess.DEVNULL,
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
    before = {key: os.environ.get(key) for key in LAB_SETTINGS}
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
    plan = json_of(run_rackproof("net", "plan", "--json").stdout)
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
