"""One figure of the benchmark, the goals of the project, and the machine it was measured on."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from core.i18n import N_

# goal of each measurement, or of a kind of them: seconds, MB or a ratio where the name says so
GOALS = {
    N_("load and validate, cold"): 3.0,
    N_("load and validate, from cache"): 0.5,
    N_("estate validate, from cache"): 0.5,
    N_("N-1 of every device and link"): 5.0,
    N_("peak memory, MB"): 400.0,
    N_("Ansible inventory listing"): 2.0,
    "help": 0.3,
    "growth": 1.5,
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing measured: median and range, in seconds unless the name says MB; ``goal`` is None for a mere figure."""

    name: str
    median: float
    least: float
    most: float
    goal: float | None

    @property
    def met(self) -> bool | None:
        """Whether the median meets the goal; None without a goal."""
        if self.goal is None:
            return None
        return self.median <= self.goal


def make_figure(name: str, values: list[float], kind: str | None = None) -> Figure:
    """Return the measurement of a name from its values; its goal is that of its kind, else that of its name."""
    return Figure(name, median(values), min(values), max(values), GOALS.get(kind or name))


def describe_machine() -> dict[str, str]:
    """Say what the figures were measured on."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    return {
        "processor": f"{model}, {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "load average at the start": load,
    }
