"""The names of judges that a requirement may name."""

from __future__ import annotations

import re

from core.workspace import REPOSITORY

JUDGES = REPOSITORY / "checks" / "judge" / "judges"
_REGISTERED = re.compile(r'^@judge\("([a-z_0-9]+)"', re.MULTILINE)


def read_judge_names() -> frozenset[str]:
    """Return the names of all judges, read from their sources: importing them takes seconds that not every verb has."""
    sources = [file.read_text(encoding="utf-8") for file in JUDGES.glob("*.py")]
    return frozenset(name for source in sources for name in _REGISTERED.findall(source))
