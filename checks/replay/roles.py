"""Which hosts a host test is for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Test = Callable[..., Any]


def roles(*names: str) -> Callable[[Test], Test]:
    """Say that a test is for hosts of these roles only; a test without it is for every host."""

    def mark(function: Test) -> Test:
        function.rackproof_roles = names  # type: ignore[attr-defined]
        return function

    return mark
