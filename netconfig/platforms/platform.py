"""A platform is a folder of data: how its command line talks and in which order a change must be typed."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from core.errors import RackproofError
from core.models import read_model

FOLDER = Path(__file__).resolve().parent
#: The name of what is outside every section.
TOP = "top"


def _compiles(pattern: str) -> str:
    re.compile(pattern)
    return pattern


Pattern = Annotated[str, AfterValidator(_compiles)]


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LineRule(_Data):
    """What is known about the lines that match ``line`` as a whole; see platform.yml for each field.

    ``within`` names the sections in which such a line may stand, ``top`` being outside every section.
    """

    line: Pattern
    within: tuple[str, ...] = Field(min_length=1)
    key: str = ""
    undo: str = ""
    set: str = ""
    rank: int = 0
    break_first: bool = False


class SectionRule(_Data):
    """A line that opens a section. ``permanent`` sections (interfaces) cannot be removed, only emptied."""

    name: str
    line: Pattern
    within: tuple[str, ...] = (TOP,)
    key: str = ""
    rank: int = 0
    leave: str = "exit"
    permanent: bool = False
    break_first: bool = False


class OwnerRule(_Data):
    """Removing ``line`` also removes every line that starts with ``of``."""

    line: Pattern
    of: str


class Held(StrEnum):
    """What a network stands on: what goes with a line that a platform's ``holds`` names."""

    DEFAULT_ROUTE = "default_route"
    BGP_PROCESS = "bgp_process"
    BGP_SESSION = "bgp_session"
    OSPF_PROCESS = "ospf_process"
    OSPF6_PROCESS = "ospf6_process"
    OSPF_ADJACENCY = "ospf_adjacency"
    OSPF6_ADJACENCY = "ospf6_adjacency"


class HoldRule(_Data):
    """A line that must not go unless a change names it; its group ``of`` says whose session or route it is."""

    what: Held
    within: tuple[str, ...]
    line: Pattern


class GuardLimits(_Data):
    """Seconds a rollback timer may run on this platform."""

    minimum_seconds: int
    maximum_seconds: int


class Observe(_Data):
    """The commands that show a device's state as JSON; ``bgp_neighbor`` is filled with ``vrf`` and ``peer``."""

    interfaces: str
    ospf: str
    ospf6: str
    bgp: str
    bgp_neighbor: str
    default_ipv4: str
    default_ipv6: str


def _marks_a_secret(pattern: str) -> str:
    if "secret" not in re.compile(pattern).groupindex:
        raise ValueError("a pattern of a secret needs a group named 'secret'")
    return pattern


SecretPattern = Annotated[str, AfterValidator(_marks_a_secret)]


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
    holds: tuple[HoldRule, ...]
    forbidden: tuple[Pattern, ...]
    session: tuple[Pattern, ...]
    typable: Pattern
    secrets: tuple[SecretPattern, ...]
    guard: GuardLimits

    @model_validator(mode="after")
    def _sections_are_there(self) -> Self:
        names = {TOP, *(section.name for section in self.sections)}
        rules: tuple[SectionRule | LineRule | HoldRule, ...] = (*self.sections, *self.lines, *self.holds)
        for rule in rules:
            strange = set(rule.within) - names
            if strange:
                raise ValueError(f"'{rule.line}': within {', '.join(sorted(strange))}: no such section")
        return self

    @cached_property
    def _noise(self) -> re.Pattern[str]:
        return re.compile("|".join(f"(?:{pattern})" for pattern in self.noise))

    @cached_property
    def _sections(self) -> tuple[tuple[re.Pattern[str], SectionRule], ...]:
        return tuple((re.compile(rule.line), rule) for rule in self.sections)

    @cached_property
    def _lines(self) -> tuple[tuple[re.Pattern[str], LineRule], ...]:
        return tuple((re.compile(rule.line), rule) for rule in self.lines)

    @cached_property
    def _holds(self) -> tuple[tuple[re.Pattern[str], HoldRule], ...]:
        return tuple((re.compile(rule.line), rule) for rule in self.holds)

    def is_noise(self, line: str) -> bool:
        """Tell whether a line is the device's own decoration."""
        return not line or self._noise.fullmatch(line) is not None

    def section(self, line: str) -> SectionRule | None:
        """Return the rule of the section this line opens, if it opens one."""
        return next((rule for pattern, rule in self._sections if pattern.fullmatch(line)), None)

    def rule(self, line: str) -> LineRule | None:
        """Return the first rule that fits a line."""
        return next((rule for pattern, rule in self._lines if pattern.fullmatch(line)), None)

    def section_name(self, path: tuple[str, ...]) -> str | None:
        """Return the name of the section that ``path`` leads into, ``top`` outside all; None when it is unknown."""
        if not path:
            return TOP
        found = self.section(path[-1])
        if found is None or self.section_name(path[:-1]) not in found.within:
            return None
        return found.name

    def knows(self, path: tuple[str, ...], line: str) -> bool:
        """Tell whether the platform says what this line is, in the section in which it stands."""
        where = self.section_name(path)
        if where is None:
            return False
        section = self.section(line)
        if section is not None and where in section.within:
            return True
        return any(where in rule.within and pattern.fullmatch(line) for pattern, rule in self._lines)

    def hold(self, path: tuple[str, ...], line: str) -> tuple[Held, str] | None:
        """Return what of the network goes with a line and whose it is (a peer, a prefix), None for any other line."""
        where = self.section_name(path)
        for pattern, rule in self._holds:
            if where not in rule.within:
                continue
            match = pattern.fullmatch(line)
            if match:
                return rule.what, match.groupdict().get("of") or ""
        return None

    def place(self, line: str) -> tuple[int, str]:
        """Return the sort key of a top-level line in the order in which the device shows it."""
        found = (n for n, pattern in enumerate(self.order) if re.match(pattern, line))
        number = next(found, len(self.order))
        if number < len(self.order) and self.sorts(number):
            return number, line
        return number, ""

    def sorts(self, number: int) -> bool:
        """Tell whether the device sorts the lines of this place by name (interfaces) or keeps their order."""
        return self.order[number].startswith("interface")

    def kind(self, line: str) -> str:
        """Return the pattern of the place of a line: neighbours of one kind stand without a sign between them."""
        if self.place(line)[0] < len(self.order):
            return self.order[self.place(line)[0]]
        return line

    def is_forbidden(self, line: str) -> bool:
        """Tell whether no change may ever type this line."""
        return any(re.fullmatch(pattern, line.strip()) for pattern in self.forbidden)

    def is_session_word(self, line: str) -> bool:
        """Tell whether a line speaks to the session (``do``, ``end``, ``exit``) instead of configuring something."""
        return any(re.fullmatch(pattern, line.strip()) for pattern in self.session)

    def is_typable(self, line: str) -> bool:
        """Tell whether the command line takes every character of a line as text."""
        return re.fullmatch(self.typable, line) is not None


@lru_cache(maxsize=16)
def load(name: str) -> Platform:
    """Load one platform. Raises RackproofError: NET001 for an unknown one, and as ``read_model`` for wrong data."""
    file = find_platform_file(name)
    if not re.fullmatch(r"[a-z0-9_]+", name) or not file.is_file():
        raise RackproofError("NET001", actual=name, known=list_platforms())
    return read_model(file, Platform)


def find_platform_file(name: str) -> Path:
    """Return where a platform's data are, whether they are there or not."""
    return FOLDER / name / "platform.yml"


def list_platforms() -> list[str]:
    """Return the names of the platforms that there are data for."""
    return sorted(path.parent.name for path in FOLDER.glob("*/platform.yml"))
