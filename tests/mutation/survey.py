"""Which test reaches which line: the tests of a target, run once with nothing broken, under coverage."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import coverage
import pytest

from tests.mutation.forking import allow_seconds

#: What runs while a module is imported, or in a fixture that several tests share, is any test's business.
ANY_TEST = ""
#: A test may keep the processor busy for so many times as long as unbroken, and this many seconds on top: for what it
#: shares with others, and is the first to make.
BUSY_TIMES, BUSY_S = 3.0, 10.0
OPTIONS = ("-x", "-q", "--no-header", "--tb=line", "-p", "no:cacheprovider", "-n", "0", "-m", "not lab and not slow")


class Recorder:
    """A plugin of pytest: tells coverage which test runs, and keeps how long each took in seconds."""

    def __init__(self, measured: coverage.Coverage) -> None:
        """Record for ``measured``."""
        self.measured = measured
        self.seconds: dict[str, float] = {}
        self.current = ANY_TEST

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Put what a test runs under its name."""
        self.current = item.nodeid
        self.measured.switch_context(self.current)
        try:
            return (yield)
        finally:
            self.current = ANY_TEST
            self.measured.switch_context(ANY_TEST)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Iterator[None]:
        """Put what a shared fixture runs under no test: only the first that asks for it would have its name."""
        if fixturedef.scope != "function":
            self.measured.switch_context(ANY_TEST)
        try:
            return (yield)
        finally:
            self.measured.switch_context(self.current)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up what the parts of a test took."""
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration


class Limiter:
    """A plugin of pytest: ends a test that keeps the processor busy for much longer than it did unbroken.

    Other work on the machine costs a test time, but none of the processor's.
    """

    def __init__(self, seconds: Mapping[str, float]) -> None:
        """Take what each test took unbroken, in seconds."""
        self.seconds = seconds

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Give the test that begins its time."""
        allow_seconds(BUSY_S + BUSY_TIMES * self.seconds.get(nodeid, 0.0))


def run_pytest(tests: Sequence[str], basetemp: Path, plugins: Sequence[object] = ()) -> int:
    """Run tests in this process until the first that fails; returns pytest's exit code.

    The examples of hypothesis are the same ones each time, are not remembered, and are not made smaller.
    """
    from hypothesis import Phase, settings

    phases = (Phase.explicit, Phase.generate)
    settings.register_profile("mutation", derandomize=True, database=None, phases=phases)
    settings.load_profile("mutation")
    return int(pytest.main([*OPTIONS, "--basetemp", str(basetemp), *tests], plugins=list(plugins)))


def survey(files: Sequence[str], tests: Sequence[str], scratch: Path) -> int:
    """Run the tests and write what was seen to ``survey.json`` in ``scratch``; returns pytest's exit code.

    The file holds ``seconds`` by test, ``lines``: by file and line the tests that reach it, and ``modules``: what was
    imported on the way.
    """
    measured = coverage.Coverage(
        data_file=None, include=[str(Path(file).resolve()) for file in files], config_file=False
    )
    recorder = Recorder(measured)
    sys.dont_write_bytecode = False  # the tests themselves, which no mutant changes, are compiled once
    measured.start()
    try:
        code = run_pytest(tests, scratch / "tests", [recorder])
    finally:
        measured.stop()
    data = measured.get_data()
    lines = {file: data.contexts_by_lineno(str(Path(file).resolve())) for file in files}
    seen = {"seconds": recorder.seconds, "lines": lines, "modules": list(sys.modules)}
    (scratch / "survey.json").write_text(json.dumps(seen), encoding="utf-8")
    return code


def find_importers(root: Path, files: Sequence[str]) -> set[str]:
    """Return the modules below ``root`` that import one of ``files``, through others too; with those themselves.

    Whoever imports a module imports the packages that it lies in as well.
    """
    importers: dict[str, set[str]] = {}
    for file in (*root.glob("*.py"), *root.glob("[!.]*/**/*.py")):
        name = name_module(file.relative_to(root))
        for imported in {name, *list_imports(file)}:
            for module in {imported, *list_packages(imported)} - {name}:
                importers.setdefault(module, set()).add(name)
    waiting = [name_module(Path(file)) for file in files]
    found: set[str] = set()
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += importers.get(module, set())
    return found


def name_module(file: Path) -> str:
    """Return the dotted name of a module; that of the package for its ``__init__.py``."""
    parts = file.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def list_packages(module: str) -> set[str]:
    """Return the packages that a module lies in."""
    parts = module.split(".")
    return {".".join(parts[:length]) for length in range(1, len(parts))}


def list_imports(file: Path) -> set[str]:
    """Return every module that a source may mean by its imports, wherever they stand."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found
