"""Lets ``pytest --hosts=rec://NAME checks/hosts`` run the host checks; trouble is a failure, never a skip or a pass."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from checks.replay.named_backend import register

register()


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
        getattr(host, "backend").taint.clear()  # noqa: B009 - what a fixture gave has no type here
