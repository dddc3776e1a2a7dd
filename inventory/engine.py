"""The provisioning engines; apart from the model, so that a command line that offers them need not import it."""

from __future__ import annotations

from enum import StrEnum


class Engine(StrEnum):
    """Which provisioning engine looks after the hosts of a tier."""

    ANSIBLE = "ansible"
    PYINFRA = "pyinfra"
