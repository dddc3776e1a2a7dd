"""A platform is a folder of data: how its command line talks and in which order a change must be typed."""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from core.errors import ExitCode, Place, RackproofError

FOLDER = Path(__file__).resolve().parent / "platforms"


def _compiles(pattern: str) -> str:
    re.compile(pattern)
    return pattern


Pattern = Annotated[str, AfterValidator(_compiles)]


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LineRule(_Data):
    """What is known about the lines that match ``line`` as a whole; see platform.yml for each field."""

    line: Pattern
    key: str = ""
    undo: str = ""
    set: str = ""
    rank: int = 0
    break_first: bool = False


class SectionRule(_Data):
    """A line that opens a section. ``permanent`` sections (interfaces) cannot be removed, only emptied."""

    line: Pattern
    key: str = ""
    rank: int = 0
    leave: str = "exit"
    permanent: bool = False
    break_first: bool = False


class OwnerRule(_Data):
    """Removing ``line`` also removes every line that starts with ``of``."""

    line: Pattern
    of: str


class GuardLimits(_Data):
    """Seconds a rollback timer may run on this platform."""

    minimum_seconds: int
    maximum_seconds: int


class Observe(_Data):
    """The commands that show a device's state as JSON."""

    interfaces: str
    ospf: str
    ospf6: str
    bgp: str


class Platform(_Data):
    """One platform's data, loaded from ``platforms/NAME/platform.yml``."""

    name: str
    netmiko: str
    error: Pattern
    show_running: str
    observe: Observe
    save: str
    saved: Pattern
    noise: tuple[Pattern, ...]
    indent: int = Field(ge=1)
    features: tuple[str, ...]
    order: tuple[Pattern, ...]
    sections: tuple[SectionRule, ...]
    lines: tuple[LineRule, ...]
    owners: tuple[OwnerRule, ...]
    forbidden: tuple[Pattern, ...]
    guard: GuardLimits

    @cached_property
    def _noise(self) -> re.Pattern[str]:
        return re.compile("|".join(f"(?:{pattern})" for pattern in self.noise))

    @cached_property
    def _sections(self) -> tuple[tuple[re.Pattern[str], SectionRule], ...]:
        return tuple((re.compile(rule.line), rule) for rule in self.sections)

    @cached_property
    def _lines(self) -> tuple[tuple[re.Pattern[str], LineRule], ...]:
        return tuple((re.compile(rule.line), rule) for rule in self.lines)

    def is_noise(self, line: str) -> bool:
        """Tell whether a line is the device's own decoration."""
        return not line or self._noise.fullmatch(line) is not None

    def section(self, line: str) -> SectionRule | None:
        """Return the rule of the section this line opens, if it opens one."""
        return next((rule for pattern, rule in self._sections if pattern.fullmatch(line)), None)

    def rule(self, line: str) -> LineRule | None:
        """Return the first rule that fits a line."""
        return next((rule for pattern, rule in self._lines if pattern.fullmatch(line)), None)

    def place(self, line: str) -> tuple[int, str]:
        """Return the sort key of a top-level line in the order in which the device shows it."""
        found = (n for n, pattern in enumerate(self.order) if re.match(pattern, line))
        number = next(found, len(self.order))
        return (number, line if self.order[number : number + 1] and self.sorts(number) else "")

    def sorts(self, number: int) -> bool:
        """Tell whether the device sorts the lines of this place by name (interfaces) or keeps their order."""
        return self.order[number].startswith("interface")

    def kind(self, line: str) -> str:
        """Return the pattern of the place of a line: neighbours of one kind stand without a sign between them."""
        return self.order[self.place(line)[0]] if self.place(line)[0] < len(self.order) else line

    def is_forbidden(self, line: str) -> bool:
        """Tell whether no change may ever type this line."""
        return any(re.fullmatch(pattern, line.strip()) for pattern in self.forbidden)


@lru_cache(maxsize=16)
def load(name: str) -> Platform:
    """Load one platform; raises RackproofError (NET001 unknown, NET002 data that cannot be right)."""
    file = FOLDER / name / "platform.yml"
    if not re.fullmatch(r"[a-z0-9_]+", name) or not file.is_file():
        known = ", ".join(sorted(path.parent.name for path in FOLDER.glob("*/platform.yml")))
        raise RackproofError("NET001", f"unknown platform '{name}'", expected=known, exit_code=ExitCode.INVALID)
    try:
        return Platform.model_validate(yaml.safe_load(file.read_text("utf-8")))
    except (ValidationError, yaml.YAMLError) as error:
        raise RackproofError(
            "NET002", "the platform's data are wrong", place=Place(file), actual=str(error), exit_code=ExitCode.INVALID
        ) from error
