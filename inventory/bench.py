"""How long the estate takes, measured in processes of their own, so that every start is cold."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from core.errors import ExitCode, Place, RackproofError
from core.workspace import REPOSITORY
from inventory.scaled import REFERENCE, scaled

_TIMEOUT_S = 120
_FACTORS = (1, 2, 4)
# goal of each measurement: seconds, or MB where the name says so
GOALS = {
    "load and validate, cold": 3.0,
    "N-1 of every device and link": 5.0,
    "peak memory, MB": 400.0,
    "Ansible inventory listing": 2.0,
    "help": 0.3,
}
_PROBE = """
import json, resource, sys, time
from pathlib import Path
from inventory.failures import Network
from inventory.load import load_estate
started = time.perf_counter()
estate = load_estate(Path(sys.argv[1]))
loaded = time.perf_counter()
cut = sum(1 for failure in Network(estate).failures() if failure.cut)
done = time.perf_counter()
print(json.dumps({"load": loaded - started, "failures": done - loaded, "sites": len(estate.sites), "cut": cut,
                  "devices": len(estate.devices), "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One thing measured: median and range, in seconds unless the name says MB; ``goal`` is None for a mere figure."""

    name: str
    median: float
    least: float
    most: float
    goal: float | None

    @property
    def met(self) -> bool | None:
        """Whether the median meets the goal; None without a goal."""
        return None if self.goal is None else self.median <= self.goal


def machine() -> dict[str, str]:
    """Say what the figures were measured on."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    return {
        "processor": f"{model}, {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "load average at the start": load,
    }


def estate_figures(runs: int, say: Callable[[str], None]) -> Iterator[Measurement]:
    """Yield every measurement of the reference estate; ``say`` hears what is being measured."""
    say("load, N-1, memory")
    probes = [_probe(REFERENCE) for _ in range(runs)]
    yield _measured("load and validate, cold", [probe["process"] - probe["failures"] for probe in probes])
    yield _measured("N-1 of every device and link", [probe["failures"] for probe in probes])
    yield _measured("peak memory, MB", [probe["memory"] for probe in probes])
    with TemporaryDirectory(prefix="rackproof-bench-") as name:
        for factor in _FACTORS:
            say(f"linear growth, x{factor}")
            folder = scaled(factor, Path(name) / f"x{factor}")
            probes = [_probe(folder) for _ in range(runs)]
            sites = probes[0]["sites"]
            for key, what in (("load", "load"), ("failures", "N-1")):
                per_site = [1000 * probe[key] / sites for probe in probes]
                yield _measured(f"x{factor}, {sites:.0f} sites: {what}, ms a site", per_site)
    say("Ansible listing")
    ansible = str(Path(sys.executable).with_name("ansible-inventory"))
    listing = [ansible, "-i", "inventory/reference.rackproof.yml", "--list"]
    yield _measured("Ansible inventory listing", [_timed(listing) for _ in range(runs)])
    for words in helps():
        say(f"{' '.join(words)} --help")
        command = [sys.executable, "-m", "rackproof", *words, "--help"]
        name = " ".join(["rackproof", *words, "--help"])
        yield _measured(name, [_timed(command) for _ in range(runs)], GOALS["help"])


def helps() -> list[list[str]]:
    """Return the command lines whose --help is measured: the front door, the estate, and each of its verbs."""
    from inventory.cli import app

    verbs = [command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands]
    groups = [group.name for group in app.registered_groups if group.name]
    return [[], ["estate"], *(["estate", str(verb)] for verb in (*verbs, *groups))]


def _measured(name: str, values: list[float], goal: float | None = None) -> Measurement:
    return Measurement(name, median(values), min(values), max(values), goal or GOALS.get(name))


def _probe(folder: Path) -> dict[str, float]:
    started = time.perf_counter()
    said = _run([sys.executable, "-c", _PROBE, str(folder)])
    found: dict[str, float] = json.loads(said)
    return {**found, "process": time.perf_counter() - started}


def _timed(command: list[str]) -> float:
    started = time.perf_counter()
    _run(command)
    return time.perf_counter() - started


def _run(command: list[str]) -> str:
    """Run a command from the repository as a user would, without what this process was told; it must succeed."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("RACKPROOF_", "ANSIBLE_"))}
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
    )
    if done.returncode != 0:
        raise RackproofError(
            "BEN001", "what was to be measured failed", place=Place(Path(command[0])),
            actual=done.stderr.strip()[-500:], remedy="run it alone to see why", exit_code=ExitCode.INTERNAL,
        )
    return done.stdout
