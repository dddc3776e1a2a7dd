"""The testinfra backend ``rec://NAME``: a recording by name, for the host tests run by hand with pytest."""

from __future__ import annotations

from typing import Any

import testinfra.backend

from checks.replay.backend import RecordingBackend
from checks.replay.live import open_named


class NamedRecordingBackend(RecordingBackend):
    """What pytest makes of ``--hosts=rec://NAME``: the recording comes from the folder in ``RACKPROOF_TAPES``."""

    def __init__(self, hostname: str, *args: Any, **kwargs: Any) -> None:
        recording, ask = open_named(hostname)
        kwargs.pop("connection", None)
        super().__init__(recording, *args, ask=ask, **{k: v for k, v in kwargs.items() if k in ("sudo", "sudo_user")})


def register() -> None:
    """Make ``rec://`` known to testinfra."""
    testinfra.backend.BACKENDS["rec"] = "checks.replay.named_backend.NamedRecordingBackend"
