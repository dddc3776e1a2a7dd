"""`rackproof doctor`: what this machine lacks, how to get it, and what works without it."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from core.console import emit_json, out
from core.errors import ExitCode, RackproofError
from core.workspace import REPOSITORY, state_dir

app = typer.Typer(add_completion=False)
MEMORY_GB, DISK_GB, PROCESSORS = 4, 5, 2
#: Systems the lab boots.
SYSTEMS = 10
#: What needs nothing but the launcher's Python environment, and what needs the lab and so root.
WITHOUT_ROOT = ("estate validate, estate show", "net render: plans and configurations",
                "evidence verify (re-judging a bundle offline)", "report build", "test --fast")
WITH_ROOT = ("lab up/down/status/shell/break/mend", "demo", "test (the whole suite)",
             "provision, net apply, checks and monitor against the lab")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: ``state`` is ok, lacking or unknown; unknown is never taken for ok."""

    name: str
    state: str
    detail: str
    remedy: str = ""


@app.callback(invoke_without_command=True)
def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False) -> None:
    """Look at what this machine has for the lab: root, kernel features (tried for real), programs, space, memory.

    Exit code 0 when the lab can run here, 1 when something is lacking or could not be looked at.

    Example: sudo ./rackproof doctor
    """
    findings = examine()
    is_well = all(finding.state == "ok" for finding in findings)
    if as_json:
        emit_json({"lab_can_run": is_well, "findings": [dataclasses.asdict(f) for f in findings],
                   "works_without_root": WITHOUT_ROOT, "needs_root": WITH_ROOT})
    else:
        _show(findings, is_well)
    if not is_well:
        raise typer.Exit(ExitCode.NOT_GREEN)


def examine() -> list[Finding]:
    """Look at everything and return the findings; changes nothing that outlives the call."""
    return [_root(), _python(), *_programs(), *_kernel(), _inotify(), _memory(), _disk(), _processors(), _image()]


def _root() -> Finding:
    if os.geteuid() == 0:
        return Finding("root", "ok", "running as root")
    how = "use sudo" if shutil.which("sudo") else "run as root (sudo is not installed)"
    return Finding("root", "lacking", "not root: the lab cannot run, the rest can", how)


def _python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Finding("Python", "ok", f"{version}, environment {sys.prefix}")


def _programs() -> list[Finding]:
    from lab import packages

    return [
        Finding(item.program, "ok", item.purpose) if item.is_there
        else Finding(item.program, "lacking", item.purpose, f"apt-get install {item.package}")
        for item in packages.needed()
    ]


def _kernel() -> list[Finding]:
    from lab.command import run

    if os.geteuid() != 0:
        return [Finding("kernel features", "unknown", "not tried: that takes root", "sudo ./rackproof doctor")]
    folder = state_dir().absolute()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        results = json.loads(run([sys.executable, "-m", "lab.probe", str(folder)], timeout=60,
                                 extra_environment={"PYTHONPATH": str(REPOSITORY)}))
    except RackproofError as error:
        return [Finding("kernel features", "unknown", error.actual or error.message, "see the text")]
    remedy = "a kernel with this feature; inside a container: more privileges, or run on the machine itself"
    return [Finding(name, "lacking" if why else "ok", why or "tried, works", remedy if why else "")
            for name, why in results.items()]


def _inotify() -> Finding:
    from lab import preflight

    lacking = preflight.inotify_lacking(SYSTEMS)
    text = f"{lacking} too few for {SYSTEMS} systems; `lab up` raises the limit" if lacking else "enough"
    return Finding("inotify instances", "ok", text)


def _memory() -> Finding:
    text = Path("/proc/meminfo").read_text(encoding="ascii")
    available = int(next(line for line in text.splitlines() if line.startswith("MemAvailable")).split()[1]) / 1024**2
    return _enough("memory", available, MEMORY_GB, "GB available")


def _disk() -> Finding:
    folder = state_dir().absolute()
    while not folder.exists():
        folder = folder.parent
    return _enough("disk", shutil.disk_usage(folder).free / 1024**3, DISK_GB, f"GB free for {state_dir()}")


def _processors() -> Finding:
    return _enough("processors", len(os.sched_getaffinity(0)), PROCESSORS, "usable")


def _enough(name: str, has: float, needs: int, unit: str) -> Finding:
    if has >= needs:
        return Finding(name, "ok", f"{has:.0f} {unit}")
    return Finding(name, "lacking", f"{has:.1f} {unit}", f"at least {needs}")


def _image() -> Finding:
    from lab import image

    text = "built" if image.is_built() else "not built yet; `lab up` builds it from Debian's packages in a minute"
    return Finding("golden image", "ok", text)


def _show(findings: list[Finding], is_well: bool) -> None:
    from rich.table import Table

    table = Table()
    for column in ("what", "state", "detail", "how to get it"):
        table.add_column(column)
    colours = {"ok": "green", "lacking": "red", "unknown": "yellow"}
    for finding in findings:
        state = f"[{colours[finding.state]}]{finding.state}[/]"
        table.add_row(finding.name, state, finding.detail, finding.remedy)
    out.print(table)
    out.print("the lab can run here" if is_well else "the lab cannot run here as things are")
    out.print("works without root:", ", ".join(WITHOUT_ROOT), markup=False)
    out.print("needs root:", ", ".join(WITH_ROOT), markup=False)
