"""The main job, end to end: raise the lab, configure, provision, watch, judge, prove; break one thing, mend it.

Each step is a command line a user could type; the demo only runs them in order and shows what they said. Whatever
ends it early (an error, Ctrl-C) takes the lab down again; a lab that a killed demo left behind is taken down first.
"""

from __future__ import annotations

import json
import os
import shutil
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

from core.console import err, out
from core.errors import ExitCode, RackproofError
from core.workspace import REPOSITORY, lab_run_dir, state_dir

app = typer.Typer(add_completion=False, invoke_without_command=True)

FAULT = "ups-module-lost"
PROMETHEUS = "dc-mgmt1"
ESTATE = REPOSITORY / "lab" / "estate"
STEP_TIMEOUT_S = 900
GRACE_S = 20
#: A demo that is killed outright takes the step it is in with it, the way Ctrl-C would.
DIES_WITH_US = ("setpriv", "--pdeathsig", "INT", "--")


@dataclass(frozen=True, slots=True)
class Step:
    """One command of the demo: what to tell the reader, the command line, and the exit codes that mean success."""

    title: str
    arguments: tuple[str, ...]
    expected: tuple[int, ...] = (0,)


@dataclass(slots=True)
class Demo:
    """A running demo: where its output goes and how long each step took."""

    log: Path
    timings: list[tuple[str, float]] = field(default_factory=list)

    def run(self, step: Step) -> str:
        """Run one step and return its standard output; raises RackproofError (DEM001) with the end of its log."""
        started = time.monotonic()
        with _live_line(step.title), self.log.open("ab") as log:
            log.write(f"\n$ rackproof {' '.join(step.arguments)}\n".encode())
            log.flush()
            code, text = _call(step.arguments, log)
            log.write(text.encode())
        seconds = time.monotonic() - started
        self.timings.append((step.title, seconds))
        if code not in step.expected:
            raise RackproofError(
                "DEM001",
                f"the step '{step.title}' exited with {code}",
                expected=f"{' or '.join(map(str, step.expected))} from `rackproof {' '.join(step.arguments)}`",
                actual=_tail(self.log),
                remedy=f"the whole log is in {self.log}",
                exit_code=ExitCode.INTERNAL,
            )
        out.print(f"[green]✔[/] {step.title} [dim]({seconds:.1f} s)[/]")
        return text


@app.callback(invoke_without_command=True)
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the lab running at the end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Run the whole job on the embedded lab, break one thing, show it red, mend it, show it green.

    Example: ./rackproof demo --keep
    """
    os.environ["RACKPROOF_ESTATE"] = str(ESTATE)
    os.environ.setdefault("RACKPROOF_LAB", "demo")
    os.environ["RACKPROOF_WORKSPACE"] = str(lab_run_dir() / "workspace")
    run_dir = state_dir() / "demo"
    run_dir.mkdir(parents=True, exist_ok=True)
    running = Demo(run_dir / "demo.log")
    running.log.write_bytes(b"")
    started = time.monotonic()
    with _terminate_like_interrupt():
        try:
            summary = _play(running, run_dir)
        except BaseException:
            err.print("taking the lab down …")
            with suppress(RackproofError):  # what ended the demo is what the reader must see
                _lab_down()
            raise
        if not keep:
            running.run(Step("Take the lab down", ("lab", "down")))
    summary["seconds"] = round(time.monotonic() - started, 1)
    _show(summary, running, as_json, keep)


def _play(running: Demo, run_dir: Path) -> dict[str, Any]:
    _lab_down()
    shutil.rmtree(lab_run_dir(), ignore_errors=True)
    running.run(Step("Raise the estate: hosts, routers, facility agents", ("lab", "up")))
    plan = json.loads(running.run(Step("Plan the IPv6 rollout", ("net", "plan", "--json"))))
    running.run(Step("Apply it in waves, canary first", ("net", "apply", "--approve", str(plan["plan_id"]))))
    running.run(Step("Provision the data centre, the DR site and the rooms", ("provision", "apply")))
    running.run(Step("Sign the lab's attestations", ("checks", "attest", "--lab")))
    with _exporter(running):
        first = running.run(Step("Judge every requirement, with a restore drill", ("checks", "run", "--json")))
        seen = running.run(Step("Ask the lab's Prometheus what it sees", ("lab", "exec", PROMETHEUS, "--", *_query())))
        out.print(f"  devices that answer, by Prometheus: {_answer(seen)}")
        running.run(Step(f"Break one thing: {FAULT}", ("lab", "break", FAULT)))
        red = running.run(Step("Judge again: it turns red", ("checks", "run", "--no-drill", "--json"), (1,)))
        _explain_red(json.loads(red))
        running.run(Step("Mend it", ("lab", "mend", FAULT)))
        last = running.run(Step("Judge again: green", ("checks", "run", "--no-drill", "--json")))
    bundle = json.loads(last)["bundle"]
    running.run(Step("Verify the evidence offline", ("evidence", "verify", bundle)))
    running.run(Step("Render the report in Vietnamese and English", ("report", "build", "latest")))
    return _keep_results(json.loads(first), json.loads(red), json.loads(last), run_dir)


def _query() -> tuple[str, ...]:
    """Return the command that asks Prometheus, on its own host, how many devices answer its exporter."""

    from inventory.load import load_estate

    address = load_estate(ESTATE).ipv6(PROMETHEUS)
    url = f"http://[{address}]:9090/api/v1/query?query=sum(rackproof_device_up)"
    program = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=9).read().decode())"
    return ("python3", "-c", program, url)


def _answer(text: str) -> str:
    result = json.loads(text)["data"]["result"]
    return str(result[0]["value"][1]) if result else "none yet"


def _explain_red(result: dict[str, Any]) -> None:
    for verdict in _red(result):
        out.print(f"  [red]✘ {verdict['requirement']}[/] {verdict['site']}: {verdict['reason']}")


def _red(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what is neither green nor accepted in writing; a waiver is never green, but it is no news either."""
    return [verdict for verdict in result["not_green"] if verdict["status"] != "waived"]


def _keep_results(first: Any, red: Any, last: Any, run_dir: Path) -> dict[str, Any]:
    """Copy report and evidence out of the lab, which is about to go."""

    from core.signing import load_or_create_key, public_pem

    workspace = lab_run_dir() / "workspace"
    for name in ("reports", "evidence"):
        shutil.rmtree(run_dir / name, ignore_errors=True)
        shutil.copytree(workspace / name, run_dir / name)
    key = load_or_create_key(workspace / "keys" / "signing.pem")
    (run_dir / "signing.pub").write_bytes(public_pem(key))
    reports = sorted((run_dir / "reports").glob("*/report.*.html"))
    return {
        "scoreboard": last["scoreboard"],
        "red_before": [f"{v['requirement']} {v['site']}" for v in _red(first)],
        "red": [f"{v['requirement']} {v['site']}" for v in _red(red)],
        "red_after": [f"{v['requirement']} {v['site']}" for v in _red(last)],
        "reports": [str(path) for path in reports],
        "evidence": str(run_dir / "evidence"),
    }


def _show(summary: dict[str, Any], running: Demo, as_json: bool, keep: bool) -> None:
    from rich.table import Table

    if as_json:
        print(json.dumps({**summary, "timings": dict(running.timings)}, ensure_ascii=False, indent=2))
        return
    table = Table(title="Scoreboard", title_justify="left")
    for column in ("site", "tier", "pass", "waived", "not met", "in scope", "coverage"):
        table.add_column(column)
    for row in summary["scoreboard"]:
        counts = (str(row[key]) for key in ("passed", "waived", "not_met", "total"))
        table.add_row(row["site"], row["tier"], *counts, f"{row['coverage']:.0%}")
    out.print(table)
    for path in summary["reports"]:
        out.print(f"report:   {path}")
    out.print(f"evidence: {summary['evidence']}")
    out.print(f"log:      {running.log}")
    if keep:
        out.print("the lab is still up: `RACKPROOF_LAB=demo ./rackproof lab status`, `… lab down`")
    out.print(f"all of it took {summary['seconds']} s")


@contextmanager
def _exporter(running: Demo) -> Iterator[None]:
    """Serve the readings as metrics in the background, so that the lab's Prometheus has something to scrape."""
    argv = (*DIES_WITH_US, sys.executable, "-m", "rackproof", "monitor", "serve", "--interval", "10")
    with running.log.open("ab") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        yield
    finally:
        _stop(process)


def _call(arguments: tuple[str, ...], log: Any) -> tuple[int, str]:
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


def _lab_down() -> None:
    """Take the lab down; waits a while for a step that a killed demo left behind and that is cleaning up itself."""
    argv = (sys.executable, "-m", "rackproof", "lab", "down")
    deadline = time.monotonic() + GRACE_S
    while True:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode == 0:
            return
        if time.monotonic() > deadline:
            raise RackproofError(
                "DEM002", "what an earlier lab left behind could not be cleared away", actual=done.stderr.strip(),
                remedy="run `RACKPROOF_LAB=demo ./rackproof lab down` and look at what it says",
                exit_code=ExitCode.INTERNAL,
            )
        time.sleep(1)


@contextmanager
def _live_line(title: str) -> Iterator[None]:
    if err.is_terminal:
        with err.status(title):
            yield
    else:
        err.print(f"… {title}")
        yield


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


def _tail(path: Path, lines: int = 15) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
