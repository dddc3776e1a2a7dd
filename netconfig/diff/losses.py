"""What a plan would take away from the network: sessions, default routes, adjacencies that somebody must have named.

Which lines a network stands on is data (``holds`` in platform.yml). A change names those that may go under ``drops:``,
written as the plan prints them; naming a section names everything in it. What is not named must stay, and must be up
again after the change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from core.errors import RackproofError
from netconfig.diff.knowledge import list_lines, show_line
from netconfig.diff.tree import ConfigNode, spell_line, walk
from netconfig.platforms.platform import Held, Platform

SEPARATOR = " / "
Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Drop:
    """One line that the network stands on: what goes with it, whose it is (a peer, a prefix), and where it stands."""

    what: Held
    of: str
    path: Path
    line: str

    @property
    def name(self) -> str:
        """How a change file names it."""
        return show_line(self.path, self.line)

    @property
    def section(self) -> str:
        """The second word of the innermost section: the interface of an adjacency, the family of a session."""
        words = self.path[-1].split() if self.path else []
        if len(words) > 1:
            return words[1]
        return ""


def find_holds(root: ConfigNode, platform: Platform) -> Iterator[Drop]:
    """Yield every line of a configuration that the network stands on."""
    for path, line in walk(root):
        held = platform.hold(path, line)
        if held is not None:
            yield Drop(*held, path, line)


def find_drops(running: ConfigNode, intended: ConfigNode, platform: Platform) -> list[Drop]:
    """Return what the network stands on today and would not any more; a dropped section stands for what is in it."""
    kept = set(walk(intended))
    dropped: list[Drop] = []
    for drop in find_holds(running, platform):
        inside = any(drop.path[: len(above.path) + 1] == (*above.path, above.line) for above in dropped)
        if (drop.path, drop.line) not in kept and not inside:
            dropped.append(drop)
    return dropped


def find_named(running: ConfigNode, names: Iterable[str], platform: Platform) -> list[Drop]:
    """Return what a change names and the device really has; what is in a named section is named too."""
    wanted = {normalise_name(name) for name in names}
    return [drop for drop in find_holds(running, platform) if is_named(drop, wanted)]


def require_named(device: str, dropped: list[Drop], names: Iterable[str]) -> None:
    """Refuse to take away what no change names. Raises RackproofError (NET034)."""
    wanted = {normalise_name(name) for name in names}
    unnamed = [drop.name for drop in dropped if not is_named(drop, wanted)]
    if unnamed:
        raise RackproofError("NET034", actual=list_lines(unnamed), device=device)


def is_a_hold(name: str, platform: Platform) -> bool:
    """Tell whether a name under ``drops:`` is of a kind of line that the network can stand on."""
    *path, line = normalise_name(name).split(SEPARATOR)
    return platform.hold(tuple(path), line) is not None


def normalise_name(name: str) -> str:
    """Return a name under ``drops:`` in its one spelling."""
    return SEPARATOR.join(spell_line(part) for part in name.split(SEPARATOR))


def is_named(drop: Drop, names: set[str]) -> bool:
    """Tell whether a change names a line or one of the sections it stands in."""
    parts = (*drop.path, drop.line)
    return any(SEPARATOR.join(parts[:length]) in names for length in range(1, len(parts) + 1))
