"""The host tests, collected and run by pytest itself against a recording; only what ran and passed is a pass.

pytest decides what a test is and what came of it: fixtures, parametrize, skip, xfail and the hooks of ``conftest.py``
are its own. Whatever is not a plain pass is kept by name: a test that was skipped, expected to fail, deselected, could
not be collected, or never ran, is never green; nor is a suite without tests.
"""

from __future__ import annotations

import hashlib
import io
import os
import threading
from collections.abc import Callable, Generator
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import pytest
from testinfra.host import Host

from checks.replay.backend import NoAnswer, RecordingBackend
from checks.replay.recording import HostRecording

FOLDER = Path(__file__).resolve().parent.parent / "hosts"
ALL = "all"
PASS, FAIL, NO_ANSWER, SKIPPED, ERROR = "pass", "fail", "no-answer", "skipped", "error"
#: What a test must go through to have passed.
PHASES = ("setup", "call", "teardown")
#: No plugin of this machine, no configuration but ours: the same tests give the same results everywhere.
OPTIONS = (
    "-c",
    os.devnull,
    "--disable-plugin-autoload",
    "--continue-on-collection-errors",
    "--capture=no",
    "-p",
    "no:terminal",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:faulthandler",
    "-p",
    "no:logging",
    "-p",
    "no:unraisableexception",
    "-p",
    "no:threadexception",
    "-W",
    "error::pytest.PytestCollectionWarning",
    "-W",
    "error::pytest.PytestReturnNotNoneWarning",
)
#: pytest keeps its state in the process; the hosts of a run are recorded side by side.
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True, slots=True)
class HostTestResult:
    """What one test came to: ``pass``, ``fail``, ``no-answer`` (nothing recorded), ``skipped`` or ``error``."""

    id: str
    verdict: str
    detail: str = ""


@dataclass(slots=True)
class Seen:
    """What was seen of one test: its reports by phase, what it raised, and the first answer it did not get."""

    reports: dict[str, pytest.TestReport] = field(default_factory=dict)
    raised: dict[str, BaseException] = field(default_factory=dict)
    unanswered: str = ""


class Runner:
    """A plugin of pytest that gives the tests their recorded ``host`` and keeps what comes of each."""

    def __init__(self, recording: HostRecording, role: str) -> None:
        self.recording, self.role = recording, role
        self.backends: list[RecordingBackend] = []
        self.tests: dict[str, Seen] = {}
        self.broken: list[HostTestResult] = []
        self.unanswered: list[str] = []
        self.interrupted = False
        self._began = 0

    @pytest.fixture(scope="module")
    def host(self) -> Host:
        """Return the recorded host, asked first what testinfra asks of every host: no test finds it half-asked."""
        backend = RecordingBackend(self.recording, heard=self.unanswered)
        self.backends.append(backend)
        host = Host(backend)
        backend.set_host(host)
        ask_about_host(host)
        backend.taint.clear()
        self.unanswered.clear()
        self._began = 0
        return host

    def pytest_configure(self, config: pytest.Config) -> None:
        """Have tracebacks as Python writes them: nobody reads them, and pytest's own cost most of the time.

        Their option belongs to the plugin that prints, which is not there; without it pytest takes the longest form.
        """
        config.option.tbstyle = "native"

    @pytest.hookimpl(tryfirst=True)
    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Note every test that is for this role: one that vanishes later is missed."""
        if self.is_for_role(item):
            self.tests[name_test(item.nodeid)] = Seen()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave the tests of other roles out."""
        items[:] = [item for item in items if self.is_for_role(item)]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note what could not be collected."""
        if not report.passed:
            verdict = SKIPPED if report.skipped else ERROR
            detail = read_last_line(str(report.longrepr))
            self.broken.append(HostTestResult(name_test(report.nodeid), verdict, detail))

    def pytest_runtest_logstart(self) -> None:
        """Note where the unanswered commands of this test begin."""
        self._began = len(self.unanswered)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Keep what a phase raised, as it was raised: the words of a report are for people."""
        report = yield
        if call.excinfo is not None:
            self.tests[name_test(item.nodeid)].raised[call.when] = call.excinfo.value
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the report of a phase."""
        seen = self.tests[name_test(report.nodeid)]
        seen.reports[report.when or ""] = report
        if len(self.unanswered) > self._began:
            seen.unanswered = self.unanswered[self._began]

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Note a person's Ctrl-C, which pytest itself would swallow."""
        self.interrupted = excinfo.type is KeyboardInterrupt

    def list_results(self) -> list[HostTestResult]:
        """Return what every test came to, and what could not be collected."""
        return [*self.broken, *(judge_test(name, seen) for name, seen in self.tests.items())]

    def is_for_role(self, item: pytest.Item) -> bool:
        """Tell whether a test is for hosts of this role."""
        roles = getattr(getattr(item, "obj", None), "rackproof_roles", (ALL,))
        return ALL in roles or self.role in roles


@lru_cache(maxsize=1)
def hash_suite() -> str:
    """Return the digest of all host test sources."""
    digest = hashlib.sha256()
    for file in sorted(FOLDER.glob("*.py")):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def run_suite(
    recording: HostRecording, role: str, folder: Path | None = None
) -> tuple[list[HostTestResult], set[str], list[str]]:
    """Run every test that fits a role; return the results, the commands used and the commands without an answer.

    Never an empty list of results: where nothing could be run, one of them says why. Raises KeyboardInterrupt.
    """
    folder = folder or FOLDER
    runner = Runner(recording, role)
    if not __debug__:
        return [HostTestResult("pytest", ERROR, "python runs without assertions (-O): no test could fail")], set(), []
    # What a test prints is not our output: a program may be reading that.
    with _ONE_AT_A_TIME, redirect_stdout(io.StringIO()):
        code = pytest.main([str(folder), f"--rootdir={folder}", *OPTIONS], plugins=[runner])
    if runner.interrupted:
        raise KeyboardInterrupt
    results = runner.list_results()
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) or not results:
        results.append(HostTestResult("pytest", ERROR, f"pytest ended with {pytest.ExitCode(code).name}"))
    used = {command for backend in runner.backends for command in backend.used}
    missing = dict.fromkeys(command for backend in runner.backends for command in backend.missing)
    return results, used, list(missing)


@lru_cache(maxsize=256)
def judge_recording(raw: bytes, role: str) -> tuple[HostTestResult, ...]:
    """Return the results of a recording, run once however many requirements ask. ValueError when it is no recording."""
    return tuple(run_suite(HostRecording.from_bytes(raw), role)[0])


def judge_test(name: str, seen: Seen) -> HostTestResult:
    """Return what one test came to: a pass only when every phase was run and passed, as nothing else than a pass."""
    reports = seen.reports
    if seen.unanswered:
        return HostTestResult(name, NO_ANSWER, seen.unanswered)
    if not reports:
        return HostTestResult(name, ERROR, "it never ran")
    for phase, report in reports.items():
        if hasattr(report, "wasxfail"):
            return HostTestResult(name, ERROR, "it is marked as expected to fail")
        if not report.passed:
            return judge_failed_phase(name, phase, seen)
    if set(reports) != set(PHASES):
        return HostTestResult(name, ERROR, f"it ran only in part: {', '.join(reports)}")
    return HostTestResult(name, PASS)


def judge_failed_phase(name: str, phase: str, seen: Seen) -> HostTestResult:
    """Return what a test came to of which a phase did not pass: only a failed assertion of its own is a failure."""
    report = seen.reports[phase]
    if report.skipped:
        return HostTestResult(name, SKIPPED, read_last_line(str(report.longrepr)))
    error = seen.raised.get(phase)
    text = str(error).splitlines()[0] if str(error) else ""
    if phase == "call" and isinstance(error, AssertionError | pytest.fail.Exception):
        return HostTestResult(name, FAIL, text)
    return HostTestResult(name, ERROR, f"{phase}: {type(error).__name__}: {text}")


def ask_about_host(host: Host) -> None:
    """Ask what testinfra asks of every host before its first test; what is not recorded is noted as missing."""
    asks: tuple[Callable[[], object], ...] = (
        lambda: host.system_info.sysinfo,
        lambda: host.has_command_v,
        lambda: host.service("ssh"),
    )
    for ask in asks:
        try:
            ask()
        except (NoAnswer, Exception):  # noqa: BLE001, S112 - it was noted as missing; the tests tell what follows
            continue


def name_test(nodeid: str) -> str:
    """Return the name of a test without the end of its file's name."""
    return nodeid.replace(".py", "", 1)


def read_last_line(text: str) -> str:
    """Return the last line of a text, cut to 200 characters: what pytest says last is why."""
    return (text.strip().splitlines() or [""])[-1][:200]
