"""Lets ``pytest --hosts=rec://NAME checks/hosts`` run the host checks; trouble is a failure, never a skip or a pass."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from checks.recording.backend import register

register()


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark that says which hosts a test is for."""
    config.addinivalue_line("markers", "roles(*roles): the roles of hosts a test is for; every host without it")


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Turn the report of a test whose host did not answer into a failure that says so, whatever the test made of it."""
    outcome: Any = yield
    report = outcome.get_result()
    host = getattr(item, "funcargs", {}).get("host")
    taint = list(getattr(getattr(host, "backend", None), "taint", []))
    if call.when == "call" and taint:
        report.outcome = "failed"
        report.longrepr = f"unreachable: {taint[0]}"
        if hasattr(report, "wasxfail"):
            del report.wasxfail
        host.backend.taint.clear()
