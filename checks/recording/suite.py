"""The host tests as plain functions: found once, called directly against a tape, none ever dropped.

Only what can be called directly is accepted: the fixture ``host`` and parametrize values. A test that needs more is
reported as an error, so that it cannot vanish from the count.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from testinfra.host import Host

from checks.recording.backend import NoAnswer, TapeBackend
from checks.recording.tape import Tape

FOLDER = Path(__file__).resolve().parent.parent / "hosts"
ALL = "all"


@dataclass(frozen=True, slots=True)
class HostTest:
    """One test with its parameters. ``title`` is the first line of its docstring: what it wants to be true."""

    id: str
    title: str
    function: Callable[..., None]
    arguments: Mapping[str, Any]
    roles: tuple[str, ...]
    refused: str = ""

    def fits(self, role: str) -> bool:
        """Tell whether this test is for hosts of a role."""
        return ALL in self.roles or role in self.roles


@dataclass(frozen=True, slots=True)
class Result:
    """What one test came to: ``pass``, ``fail``, ``no-answer`` (nothing recorded, unreachable) or ``error``."""

    test: HostTest
    verdict: str
    detail: str = ""


@lru_cache(maxsize=1)
def suite() -> tuple[HostTest, ...]:
    """Return every host test, parameters expanded, ordered by id."""
    modules = [importlib.import_module(f"checks.hosts.{file.stem}") for file in sorted(FOLDER.glob("test_*.py"))]
    return tuple(test for module in modules for test in _tests_of(module))


@lru_cache(maxsize=1)
def suite_sha256() -> str:
    """Return the digest of all host test sources."""
    digest = hashlib.sha256()
    for file in sorted(FOLDER.glob("*.py")):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def run_suite(tape: Tape, role: str) -> tuple[list[Result], set[str], list[str]]:
    """Call every test that fits a role; return the results, the commands used and the commands without an answer."""
    results: list[Result] = []
    used: set[str] = set()
    missing: dict[str, None] = {}
    prime = TapeBackend(tape)
    _prime(prime)
    used |= prime.used
    missing.update(dict.fromkeys(prime.missing))
    for test in suite():
        if not test.fits(role):
            continue
        backend = TapeBackend(tape)
        results.append(_call(test, backend))
        used |= backend.used
        missing.update(dict.fromkeys(backend.missing))
    return results, used, list(missing)


def _call(test: HostTest, backend: TapeBackend) -> Result:
    if test.refused:
        return Result(test, "error", test.refused)
    if not __debug__:
        return Result(test, "error", "python runs without assertions (-O): no test could fail")
    host = Host(backend)
    backend.set_host(host)
    verdict, detail = "pass", ""
    try:
        test.function(host=host, **test.arguments)
    except NoAnswer as trouble:
        verdict, detail = "no-answer", str(trouble)
    except AssertionError as error:
        verdict, detail = "fail", str(error).splitlines()[0] if str(error) else ""
    except (Exception, pytest.skip.Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - a broken test is an error, not a pass
        verdict, detail = "error", f"{type(error).__name__}: {error}".splitlines()[0]
    if backend.taint:
        return Result(test, "no-answer", backend.taint[0])
    return Result(test, verdict, detail)


def _prime(backend: TapeBackend) -> None:
    """Ask what testinfra asks of every host first, outside any sudo, so that no test finds it half-asked."""
    host = Host(backend)
    backend.set_host(host)
    asks: tuple[Callable[[], object], ...] = (
        lambda: host.system_info.sysinfo, lambda: host.has_command_v, lambda: host.service("ssh"))
    for ask in asks:
        try:
            ask()
        except (NoAnswer, Exception):  # noqa: BLE001, S112 - it was noted as missing; the tests tell what follows
            continue


def _tests_of(module: ModuleType) -> Iterator[HostTest]:
    for name, function in inspect.getmembers(module, inspect.isfunction):
        if name.startswith("test_") and function.__module__ == module.__name__:
            yield from _expand(f"{module.__name__.rpartition('.')[2]}::{name}", function)


def _expand(name: str, function: Callable[..., None]) -> Iterator[HostTest]:
    marks = {mark.name: mark for mark in getattr(function, "pytestmark", [])}
    title = (inspect.getdoc(function) or name).splitlines()[0]
    roles = tuple(getattr(function, "rackproof_roles", (ALL,)))
    unknown = set(marks) - {"parametrize"}
    names = [part.strip() for part in marks["parametrize"].args[0].split(",")] if "parametrize" in marks else []
    needed = set(inspect.signature(function).parameters) - {"host"} - set(names)
    refused = ""
    if unknown or needed or inspect.iscoroutinefunction(function):
        refused = f"cannot be called directly: {', '.join(sorted(unknown | needed)) or 'it is a coroutine'}"
    if not names:
        yield HostTest(name, title, function, {}, roles, refused)
        return
    for values in marks["parametrize"].args[1]:
        row = values if len(names) > 1 else (values,)
        label = "-".join(str(value) for value in row)
        yield HostTest(f"{name}[{label}]", title, function, dict(zip(names, row, strict=True)), roles, refused)
