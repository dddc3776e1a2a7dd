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

from core.console import Column, emit_json, out, print_table
from core.errors import ExitCode, RackproofError
from core.files import make_folder
from core.i18n import N_, _
from core.workspace import REPOSITORY, is_clone, name_command, state_dir
from lab import packages, preflight
from lab.command import run

app = typer.Typer(add_completion=False)
MEMORY_GB, DISK_GB, PROCESSORS = 4, 5, 2
#: Systems the lab boots.
SYSTEMS = 10
#: What needs nothing but the launcher's Python environment, and what needs the lab and so root.
WITHOUT_ROOT = (
    N_("estate validate, estate show"),
    N_("net render: plans and configurations"),
    N_("evidence verify (re-judging a bundle offline)"),
    "report build",
    "test --fast",
)
WITH_ROOT = (
    "lab up/down/destroy/status/serve/shell/exec/break/mend",
    "demo",
    N_("test (the whole suite)"),
    N_("provision, net apply, checks and monitor against the lab"),
)
KERNEL = "kernel features"
#: Names of findings that are words, as they are shown; programs and sysctls are called what they are called.
NAMES = {
    KERNEL: N_("kernel features"),
    "inotify instances": N_("inotify instances"),
    "memory": N_("memory"),
    "disk": N_("disk"),
    "processors": N_("processors"),
    "golden image": N_("golden image"),
    "veth pairs": N_("veth pairs"),
    "bridges": N_("bridges"),
    "tap interfaces": N_("tap interfaces"),
    "tap speed": N_("tap speed"),
    "overlay mounts": N_("overlay mounts"),
    "namespaces": N_("namespaces"),
}
STATES = {"ok": N_("ok"), "lacking": N_("lacking"), "unknown": N_("unknown")}
COLOURS = {"ok": "green", "lacking": "red", "unknown": "yellow"}


@dataclass(frozen=True, slots=True)
class MachineFinding:
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
        emit_json(
            {
                "lab_can_run": is_well,
                "findings": [dataclasses.asdict(f) for f in findings],
                "works_without_root": list_works(WITHOUT_ROOT),
                "needs_root": list_works(WITH_ROOT),
            }
        )
    else:
        _show(findings, is_well)
    if not is_well:
        raise typer.Exit(ExitCode.NOT_GREEN)


def list_works(works: tuple[str, ...]) -> list[str]:
    """Return which works there are here: the test suite is the launcher's, and stays in the clone."""
    return [work for work in works if is_clone() or not work.startswith("test ")]


def examine() -> list[MachineFinding]:
    """Look at everything and return the findings; changes nothing that outlives the call."""
    return [_root(), _python(), *find_programs(), *_kernel(), _inotify(), _memory(), _disk(), _processors(), _image()]


def _root() -> MachineFinding:
    if os.geteuid() == 0:
        return MachineFinding("root", "ok", _("running as root"))
    how = _("run as root (sudo is not installed)")
    if shutil.which("sudo"):
        how = _("use sudo")
    return MachineFinding("root", "lacking", _("not root: the lab cannot run, the rest can"), how)


def _python() -> MachineFinding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    text = _("{version}, environment {folder}").format(version=version, folder=sys.prefix)
    return MachineFinding("Python", "ok", text)


def find_programs() -> list[MachineFinding]:
    """Return every program the lab needs: there, or with the package that has it."""
    findings = []
    for item in packages.needed():
        purpose = _(item.purpose)
        finding = MachineFinding(item.program, "lacking", purpose, f"apt-get install {item.package}")
        if item.is_there:
            finding = MachineFinding(item.program, "ok", purpose)
        findings.append(finding)
    return findings


def _kernel() -> list[MachineFinding]:
    if os.geteuid() != 0:
        return [
            MachineFinding(KERNEL, "unknown", _("not tried: that takes root"), name_command("sudo ./rackproof doctor"))
        ]
    folder = state_dir().absolute()
    make_folder(folder)
    try:
        results = json.loads(
            run(
                [sys.executable, "-m", "lab.probe", str(folder)],
                timeout=60,
                extra_environment={"PYTHONPATH": str(REPOSITORY)},
            )
        )
    except RackproofError as error:
        return [MachineFinding(KERNEL, "unknown", error.actual or error.message, _("see the text"))]
    remedy = _("a kernel with this feature; inside a container: more privileges, or run on the machine itself")
    findings = []
    for name, why in results.items():
        finding = MachineFinding(name, "ok", _("tried, works"))
        if why:
            finding = MachineFinding(name, "lacking", why, remedy)
        findings.append(finding)
    return findings


def _inotify() -> MachineFinding:
    lacking = preflight.inotify_lacking(SYSTEMS)
    text = _("enough")
    if lacking:
        text = _("{number} too few for {systems} systems; `lab up` raises the limit")
        text = text.format(number=lacking, systems=SYSTEMS)
    return MachineFinding("inotify instances", "ok", text)


def _memory() -> MachineFinding:
    text = Path("/proc/meminfo").read_text(encoding="ascii")
    available = int(next(line for line in text.splitlines() if line.startswith("MemAvailable")).split()[1]) / 1024**2
    return _enough("memory", available, MEMORY_GB, _("{number} GB available"))


def _disk() -> MachineFinding:
    folder = state_dir().absolute()
    while not folder.exists():
        folder = folder.parent
    return _enough(
        "disk",
        shutil.disk_usage(folder).free / 1024**3,
        DISK_GB,
        _("{number} GB free for {folder}").replace("{folder}", str(state_dir())),
    )


def _processors() -> MachineFinding:
    return _enough("processors", len(os.sched_getaffinity(0)), PROCESSORS, _("{number} usable"))


def _enough(name: str, has: float, needs: int, text: str) -> MachineFinding:
    """Return ok when there is enough; ``text`` says how much, with ``{number}`` in it."""
    if has >= needs:
        return MachineFinding(name, "ok", text.replace("{number}", f"{has:.0f}"))
    return MachineFinding(
        name, "lacking", text.replace("{number}", f"{has:.1f}"), _("at least {number}").format(number=needs)
    )


def _image() -> MachineFinding:
    from lab import image  # late: it reads the estate, and `--help` would wait for what that imports

    text = _("not built yet; `lab up` builds it from Debian's packages in a minute")
    if image.is_built():
        text = _("built")
    return MachineFinding("golden image", "ok", text)


def _show(findings: list[MachineFinding], is_well: bool) -> None:
    from rich.markup import escape  # late: `--json` needs none of rich

    columns = (_("what"), _("state"), Column(_("detail"), whole=False), Column(_("how to get it"), whole=False))
    rows = []
    for finding in findings:
        state = f"[{COLOURS[finding.state]}]{_(STATES[finding.state])}[/]"
        rows.append((_(NAMES.get(finding.name, finding.name)), state, escape(finding.detail), escape(finding.remedy)))
    print_table(columns, rows)
    verdict = _("the lab cannot run here as things are")
    if is_well:
        verdict = _("the lab can run here")
    out.print(verdict, markup=False)
    without_root = ", ".join(_(work) for work in list_works(WITHOUT_ROOT))
    with_root = ", ".join(_(work) for work in list_works(WITH_ROOT))
    out.print(_("works without root: {verbs}").format(verbs=without_root), markup=False)
    out.print(_("needs root: {verbs}").format(verbs=with_root), markup=False)
