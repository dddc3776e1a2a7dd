"""What made the evidence, as it is when it is made: versions are read from the tools, never written down here."""

from __future__ import annotations

import platform
import re
import subprocess
from functools import cache

from core import version

#: Programs of this machine that evidence passes through, and how each says its version.
PROGRAMS = {"openssh-client": ("ssh", "-V"), "git": ("git", "--version")}
ABSENT = "absent"
TIMEOUT_S = 10
_VERSION = re.compile(r"\d+\.\d+\S*")


def read_tools() -> dict[str, str]:
    """Return the versions of Python, Rackproof and the programs that were used; ``absent`` for what is not there."""
    found = {name: read_program_version(argv) for name, argv in PROGRAMS.items()}
    return {"python": platform.python_version(), "rackproof": version.read_version(), **found}


@cache
def read_program_version(argv: tuple[str, ...]) -> str:
    """Return the version that a program says of itself, on either stream."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ABSENT
    match = _VERSION.search(done.stdout + "\n" + done.stderr)
    return match.group().rstrip(",") if match else ABSENT
