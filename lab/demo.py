"""The main job, end to end: raise the lab, configure, provision, watch, judge, prove; break one thing, mend it.

Each step is a command line a user could type; the demo only runs them in order and shows what they said. Whatever
ends it early (an error, Ctrl-C) takes the lab down again; a lab that a killed demo left behind is taken down first.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from core.console import Column, Terminal, emit_json, err, out, print_table, progress
from core.errors import ExitCode, Place, RackproofError, list_names
from core.files import copy_folder, make_folder, write_atomic
from core.i18n import _
from core.locks import hold
from core.workspace import REPOSITORY, name_command, state_dir
from lab.enter import require_root
from lab.instance import SOCKETS, Instance, instance

app = typer.Typer(add_completion=False, invoke_without_command=True)

#: The lab that the demo raises, unless RACKPROOF_LAB names another.
LAB = "demo"
FAULT = "ups-module-lost"
PROMETHEUS = "dc-mgmt1"
ESTATE = REPOSITORY / "lab" / "estate"
STEP_TIMEOUT_S = 900
GRACE_S = 20
#: A demo that is killed outright takes the step it is in with it, the way Ctrl-C would.
DIES_WITH_US = ("setpriv", "--pdeathsig", "INT", "--")


@dataclass(frozen=True, slots=True)
class DemoStep:
    """One command of the demo: what to tell the reader, the command line, and the exit codes that mean success."""

    title: str
    arguments: tuple[str, ...]
    expected: tuple[int, ...] = (0,)


class StepError(RackproofError):
    """The error of a step as the step itself said it, with its own code, kind and exit code."""

    def __init__(self, told: dict[str, Any], log: Path) -> None:
        super().__init__("DEM005", actual=told["actual"], text=told["message"], log=log)
        place = told["place"]
        self.code, self.kind, self.message = str(told["code"]), str(told["kind"]), str(told["message"])
        self.exit_code = ExitCode(told["exit_code"])
        self.place = Place(Path(place)) if place else None
        self.expected = str(told["expected"])
        self.remedy = str(told["remedy"]) or self.remedy


@dataclass(slots=True)
class Demo:
    """A running demo: where its output goes and how long each step took."""

    log: Path
    show: Terminal
    timings: list[tuple[str, float]] = field(default_factory=list)

    def run(self, step: DemoStep) -> Any:
        """Run one step and return what it told programs.

        Raises RackproofError: what the step itself said, DEM004 it was not green, DEM001 it failed without a word.
        """
        started = time.monotonic()
        arguments = step.arguments
        with progress(step.title), self.log.open("ab") as log:
            log.write(f"\n$ rackproof {' '.join(arguments)}\n".encode())
            log.flush()
            code, text = call_verb(arguments, log)
            log.write(text.encode())
        seconds = time.monotonic() - started
        self.timings.append((step.title, seconds))
        told = _read_envelope(text)
        if code not in step.expected:
            raise self._explain(step, code, told)
        self.show.print(f"[green]✔[/] {step.title} [dim]({seconds:.1f} s)[/]")
        return told["data"]

    def _explain(self, step: DemoStep, code: int, told: dict[str, Any]) -> RackproofError:
        if told["errors"]:
            return StepError(told["errors"][0], self.log)
        if code == ExitCode.NOT_GREEN and isinstance(told["data"], dict):
            red = [f"{verdict['requirement']} {verdict['site']}" for verdict in _red(told["data"])]
            return RackproofError("DEM004", actual=list_names(red), step=step.title, log=self.log)
        expected = " / ".join(map(str, step.expected))
        command = f"rackproof {' '.join(step.arguments)}"
        return RackproofError(
            "DEM001", actual=code, step=step.title, expected_codes=expected, command=command, log=self.log
        )


@app.callback(invoke_without_command=True)
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the lab running at the end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Run the whole job on the embedded lab, break one thing, show it red, mend it, show it green.

    Example: ./rackproof demo --keep
    """
    from lab.keeping import set_aside  # late: it reads bundles, and `--help` would wait for what it imports

    require_root(_("run the demo"))
    os.environ["RACKPROOF_ESTATE"] = str(ESTATE)
    os.environ.setdefault("RACKPROOF_LAB", LAB)
    found = instance()
    os.environ["RACKPROOF_WORKSPACE"] = str(found.workspace.root)
    show = out
    if as_json:
        show = err
    folder = LAB if found.name == LAB else f"{LAB}-{found.name}"
    results = state_dir() / folder
    with hold(SOCKETS / f"{found.name}.demo", _("the demo on the lab '{lab}'").format(lab=found.name)):
        refuse_used_lab(found)
        _tell_kept(set_aside(results), show)
        running = Demo(make_folder(results) / "demo.log", show)
        write_atomic(running.log, "")
        started = time.monotonic()
        with _terminate_like_interrupt():
            try:
                summary = play_demo(running, found, results)
            except BaseException:
                err.print(_("taking the lab down …"), markup=False)
                with suppress(RackproofError):  # what ended the demo is what the reader must see
                    take_lab_down()
                    found.demo_mark.unlink(missing_ok=True)
                raise
            if not keep:
                running.run(DemoStep(_("Take the lab down"), ("lab", "down", "--json")))
            found.demo_mark.unlink(missing_ok=True)
    summary["seconds"] = round(time.monotonic() - started, 1)
    show_summary(summary, running, as_json, keep)


def refuse_used_lab(found: Instance) -> None:
    """Refuse a lab that is up and that no demo raised, or that one kept: somebody may be at work there.

    Raises RackproofError (DEM003).
    """
    if found.is_up() and not found.demo_mark.exists():
        raise RackproofError("DEM003", lab=found.name)


def _tell_kept(folder: Path | None, show: Terminal) -> None:
    if folder is not None:
        show.print(_("kept from the run before: {folder}").format(folder=folder), markup=False)


def play_demo(running: Demo, found: Instance, results: Path) -> dict[str, Any]:
    """Run the steps of the demo on a fresh lab and return its summary."""
    from lab.keeping import set_aside  # late, as in `demo`

    take_lab_down()
    _tell_kept(set_aside(found.workspace.root), running.show)
    make_folder(found.run_dir)
    write_atomic(found.demo_mark, f"{os.getpid()}\n")
    run = running.run
    run(DemoStep(_("Raise the estate: hosts, routers, facility agents"), ("lab", "up", "--json")))
    plan = run(DemoStep(_("Plan the IPv6 rollout"), ("net", "plan", "--json")))
    apply = ("net", "apply", "--approve", str(plan["plan_id"]), "--json")
    run(DemoStep(_("Apply it in waves, canary first"), apply))
    run(DemoStep(_("Provision the data centre, the DR site and the rooms"), ("provision", "apply", "--json")))
    run(DemoStep(_("Sign the lab's attestations"), ("checks", "attest", "--lab", "--json")))
    run(DemoStep(_("Start the controller's exporter and watch"), ("lab", "serve", "--json")))
    first = run(DemoStep(_("Judge every requirement, with a restore drill"), ("checks", "run", "--json")))
    ask = ("lab", "exec", "--json", PROMETHEUS, "--", *_query())
    seen = run(DemoStep(_("Ask the lab's Prometheus what it sees"), ask))
    text = _("devices that answer, by Prometheus: {number}")
    running.show.print("  " + text.format(number=_answer(seen["stdout"])), markup=False)
    run(DemoStep(_("Break one thing: {fault}").format(fault=FAULT), ("lab", "break", FAULT, "--json")))
    judge_again = ("checks", "run", "--no-drill", "--json")
    red = run(DemoStep(_("Judge again: it turns red"), judge_again, (1,)))
    _explain_red(red, running.show)
    run(DemoStep(_("Mend it"), ("lab", "mend", FAULT, "--json")))
    last = run(DemoStep(_("Judge again: green"), judge_again))
    bundle = last["bundle"]
    run(DemoStep(_("Verify the evidence offline"), ("evidence", "verify", bundle, "--json")))
    run(DemoStep(_("Render the report in Vietnamese and English"), ("report", "build", bundle, "--json")))
    return keep_results(found, first, red, last, results)


def _read_envelope(text: str) -> dict[str, Any]:
    """Return what a step said to programs; without data and errors when it said nothing that can be read."""
    try:
        told = json.loads(text)
    except ValueError:
        told = None
    if isinstance(told, dict) and {"data", "errors"} <= told.keys():
        return told
    return {"data": None, "errors": []}


def _query() -> tuple[str, ...]:
    """Return the command that asks Prometheus, on its own host, how many devices answer its exporter."""
    from inventory.load.loader import load_estate  # late, as in `demo`

    address = load_estate(ESTATE).ipv6(PROMETHEUS)
    url = f"http://[{address}]:9090/api/v1/query?query=sum(rackproof_device_up)"
    program = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=9).read().decode())"
    return ("python3", "-c", program, url)


def _answer(text: str) -> str:
    result = json.loads(text)["data"]["result"]
    if not result:
        return _("none yet")
    return str(result[0]["value"][1])


def _explain_red(result: dict[str, Any], show: Terminal) -> None:
    for verdict in _red(result):
        show.print(f"  ✘ {verdict['requirement']} {verdict['site']}: {verdict['reason']}", markup=False)


def _red(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what is neither green nor accepted in writing; a waiver is never green, but it is no news either."""
    return [verdict for verdict in result["not_green"] if verdict["status"] != "waived"]


def keep_results(found: Instance, first: Any, red: Any, last: Any, results: Path) -> dict[str, Any]:
    """Copy report and evidence to where people look for them; the originals stay in the lab's workspace."""
    from core.signing import load_or_create_key, public_pem  # late, as in `demo`

    for source in (found.workspace.reports_dir, found.workspace.evidence_dir):
        copy_folder(source, results / source.name)
    key = load_or_create_key(found.workspace.signing_key)
    write_atomic(results / "signing.pub", public_pem(key))
    reports = sorted((results / "reports").glob("*/report.*.html"))
    return {
        "scoreboard": last["scoreboard"],
        "red_before": [f"{v['requirement']} {v['site']}" for v in _red(first)],
        "red": [f"{v['requirement']} {v['site']}" for v in _red(red)],
        "red_after": [f"{v['requirement']} {v['site']}" for v in _red(last)],
        "reports": [str(path) for path in reports],
        "evidence": str(results / "evidence"),
    }


def show_summary(summary: dict[str, Any], running: Demo, as_json: bool, keep: bool) -> None:
    """Show where every site stands, what was red in between, and where the results are."""
    if as_json:
        emit_json({**summary, "timings": dict(running.timings)})
        return
    counted = (_("pass"), _("waived"), _("not met"), _("in scope"), _("coverage"))
    columns: list[Column | str] = [_("site"), _("tier")]
    columns += [Column(heading, right=True) for heading in counted]
    rows = []
    for row in summary["scoreboard"]:
        counts = (str(row[key]) for key in ("passed", "waived", "not_met", "total"))
        rows.append((row["site"], row["tier"], *counts, f"{row['coverage']:.0%}"))
    print_table(columns, rows, _("Scoreboard"))
    for path in summary["reports"]:
        out.print(_("report:   {path}").format(path=path), markup=False)
    out.print(_("evidence: {path}").format(path=summary["evidence"]), markup=False)
    out.print(_("log:      {path}").format(path=running.log), markup=False)
    if keep:
        text = _("the lab is still up: `RACKPROOF_LAB={lab} ./rackproof lab status`, `… lab down`")
        out.print(name_command(text).format(lab=os.environ["RACKPROOF_LAB"]), markup=False)
    out.print(_("all of it took {seconds} s").format(seconds=summary["seconds"]), markup=False)


def call_verb(arguments: tuple[str, ...], log: Any) -> tuple[int, str]:
    """Run a verb of the front door as a process of its own; return its exit code and what it printed."""
    argv = (*DIES_WITH_US, sys.executable, "-m", "rackproof", *arguments)
    process = subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL, text=True, start_new_session=True
    )
    try:
        text, _ = process.communicate(timeout=STEP_TIMEOUT_S)
    except BaseException:
        _stop(process)
        raise
    return process.returncode, text


def _stop(process: subprocess.Popen[Any]) -> None:
    """Ask a step and its children to stop, and make sure of it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(timeout=GRACE_S)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
        return


def take_lab_down() -> None:
    """Take the lab down; waits a while for a step that a killed demo left behind and that is cleaning up itself."""
    argv = (sys.executable, "-m", "rackproof", "lab", "down")
    deadline = time.monotonic() + GRACE_S
    while True:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode == 0:
            return
        if time.monotonic() > deadline:
            raise RackproofError("DEM002", actual=done.stderr.strip()[-600:], lab=os.environ["RACKPROOF_LAB"])
        time.sleep(1)


@contextmanager
def _terminate_like_interrupt() -> Iterator[None]:
    """Make SIGTERM and SIGHUP end the demo the way Ctrl-C does, so that they too leave nothing behind."""

    def interrupt(_number: int, _frame: Any) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
