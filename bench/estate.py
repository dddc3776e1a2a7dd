"""How long the estate takes, measured in processes of their own, so that every start is cold."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.result import Figure, make_figure
from bench.scaled_estate import REFERENCE, scale_estate
from core.errors import Place, RackproofError
from core.workspace import REPOSITORY, state_dir

FRONT_DOOR = [sys.executable, "-P", "-m", "rackproof"]
_TIMEOUT_S = 120
_FACTORS = (1, 2, 4)
_HEADING = re.compile(r"^(?:verbs|Commands):$", re.MULTILINE)
_COMMAND = re.compile(r"^  ([a-z][a-z-]*)(?:  .*)?$")
_PROBE = """
import json, resource, sys, time
from pathlib import Path
from inventory.network.failures import Network
from inventory.load.loader import load_estate
started = time.perf_counter()
estate = load_estate(Path(sys.argv[1]))
loaded = time.perf_counter()
cut = sum(1 for failure in Network(estate).failures() if failure.cut)
done = time.perf_counter()
print(json.dumps({"load": loaded - started, "failures": done - loaded, "sites": len(estate.sites), "cut": cut,
                  "devices": len(estate.devices), "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""
# A remembered estate is loaded without the rules: that they were imported tells that it was not remembered.
_REMEMBERED = """
import sys
from pathlib import Path
from inventory.load.loader import load_estate
load_estate(Path(sys.argv[1]))
print("anew" if "inventory.rules" in sys.modules else "remembered")
"""


def measure_estate(runs: int, say: Callable[[str], None]) -> Iterator[Figure]:
    """Yield every measurement of the reference estate; ``say`` hears what is being measured."""
    say("load, N-1, memory")
    probes = [probe_estate(REFERENCE) for _ in range(runs)]
    yield make_figure("load and validate, cold", [probe["process"] - probe["failures"] for probe in probes])
    yield make_figure("N-1 of every device and link", [probe["failures"] for probe in probes])
    yield make_figure("peak memory, MB", [probe["memory"] for probe in probes])
    with TemporaryDirectory(prefix="rackproof-bench-") as name:
        yield from _remembered(runs, Path(name) / "state", say)
        yield from measure_growth(runs, Path(name), say)
    for words in [*list_launcher_help(say), *list_help_commands(say)]:
        say(" ".join(words))
        yield make_figure(_name_figure(words), [time_command(words) for _ in range(runs)], kind="help")


def _remembered(runs: int, state: Path, say: Callable[[str], None]) -> Iterator[Figure]:
    """Yield what is measured with an up-to-date cache, in a state folder of its own."""
    say("load from cache")
    yield make_figure("load and validate, from cache", time_cached_loads(REFERENCE, state, runs))
    validate = [*FRONT_DOOR, "estate", "validate", str(REFERENCE)]
    run_command(validate, state)
    yield make_figure("estate validate, from cache", [time_command(validate, state) for _ in range(runs)])
    say("Ansible listing")
    ansible = str(Path(sys.executable).with_name("ansible-inventory"))
    listing = [ansible, "-i", "inventory/reference.rackproof.yml", "--list"]
    run_command(listing, state)
    yield make_figure("Ansible inventory listing", [time_command(listing, state) for _ in range(runs)])


def time_cached_loads(folder: Path, state: Path, runs: int) -> list[float]:
    """Return seconds of whole processes that load a remembered estate. Raises RackproofError BEN002 when it was not."""
    command = [sys.executable, "-c", _REMEMBERED, str(folder)]
    run_command(command, state)
    times = [time_command(command, state) for _ in range(runs)]
    if run_command(command, state).strip() != "remembered":
        raise RackproofError("BEN002", place=Place(state))
    return times


def measure_growth(runs: int, top: Path, say: Callable[[str], None]) -> Iterator[Figure]:
    """Yield the cost of a site in estates of growing size, and how much more it costs in the largest.

    The sizes take turns: a machine that becomes slower then makes all of them slower, not the last one only.
    """
    folders = {factor: scale_estate(factor, top / f"x{factor}") for factor in _FACTORS}
    cost: dict[str, dict[int, list[float]]] = {}
    sites: dict[int, float] = {}
    for turn in range(runs):
        say(f"linear growth, x{', x'.join(map(str, _FACTORS))}: {turn + 1} of {runs}")
        for factor, folder in folders.items():
            probe = probe_estate(folder)
            sites[factor] = probe["sites"]
            seconds = {"load": probe["load"], "N-1": probe["failures"],
                       "load from cache": time_cached_loads(folder, top / "state", 1)[0]}  # fmt: skip
            for what, value in seconds.items():
                cost.setdefault(what, {}).setdefault(factor, []).append(1000 * value / probe["sites"])
    for factor in _FACTORS:
        for what, values in cost.items():
            yield make_figure(f"x{factor}, {sites[factor]:.0f} sites: {what}, ms a site", values[factor])
    for what, values in cost.items():
        growth = median(values[_FACTORS[-1]]) / median(values[_FACTORS[0]])
        yield make_figure(f"growth: {what} of a site at x{_FACTORS[-1]} over x1, ratio", [growth], kind="growth")


def _name_figure(words: list[str]) -> str:
    shown = words[len(FRONT_DOOR) :] if words[: len(FRONT_DOOR)] == FRONT_DOOR else words[1:]
    return " ".join(["./rackproof" if words[0] == str(REPOSITORY / "rackproof") else "rackproof", *shown])


def probe_estate(folder: Path) -> dict[str, float]:
    """Load without the cache and compute every single failure; return seconds, MB and counts."""
    seconds, said = time_answer([sys.executable, "-c", _PROBE, str(folder)])
    found: dict[str, float] = json.loads(said)
    return {**found, "process": seconds}


def list_help_commands(say: Callable[[str], None]) -> Iterator[list[str]]:
    """Yield the command lines of the front door, of every room and of every verb, each with ``--help``."""
    say("which verbs there are")
    yield from _list_below([])


def list_launcher_help(say: Callable[[str], None]) -> Iterator[list[str]]:
    """Yield the launcher's own ``--help``, where the launcher is set up: measuring must not install anything."""
    if (state_dir() / "venv" / ".installed-requirements.lock").exists():
        yield [str(REPOSITORY / "rackproof"), "--help"]
    else:
        say("the launcher is not set up here: not measured")


def _list_below(words: list[str]) -> Iterator[list[str]]:
    command = [*FRONT_DOOR, *words, "--help"]
    yield command
    for name in read_commands(run_command(command)):
        yield from _list_below([*words, name])


def read_commands(text: str) -> list[str]:
    """Return the commands that a help text lists, in its order; [] when it lists none."""
    heading = _HEADING.search(text)
    if heading is None:
        return []
    lines = text[heading.end() :].strip("\n").split("\n\n", 1)[0].splitlines()
    return [found.group(1) for line in lines if (found := _COMMAND.match(line))]


def time_command(command: list[str], state: Path | None = None) -> float:
    """Return the seconds a command takes, start and end of its process included; as ``run`` otherwise."""
    return time_answer(command, state)[0]


def time_answer(command: list[str], state: Path | None = None) -> tuple[float, str]:
    """Return the seconds a command takes and what it prints."""
    started = time.perf_counter()
    said = run_command(command, state)
    return time.perf_counter() - started, said


def run_command(command: list[str], state: Path | None = None) -> str:
    """Run a command without what this process was told, and return what it prints.

    ``state``: with estates remembered in this folder; without it none is remembered. Raises RackproofError BEN001 when
    the command fails.
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("RACKPROOF_", "ANSIBLE_"))}
    environment["PYTHONPATH"] = str(REPOSITORY)
    environment |= {"RACKPROOF_STATE": str(state)} if state else {"RACKPROOF_NO_CACHE": "1"}
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
    )
    if done.returncode != 0:
        raise RackproofError("BEN001", place=Place(Path(command[0])), actual=done.stderr.strip()[-500:])
    return done.stdout
