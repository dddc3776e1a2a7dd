"""The difference between two configurations as the fewest commands, in an order that is safe to type.

New things are made before old ones are broken, in the order of the platform's ranks; removals run in the reverse
order; a setting with one value is typed over, never removed first, unless the platform refuses that; an entry of an
ordered list keeps its number. Pure functions over trees: the device's answer to them is checked elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from netconfig.diff.knowledge import require_known
from netconfig.diff.tree import ConfigNode, expand, key, walk
from netconfig.platforms.platform import Platform, SectionRule

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TypedLine:
    """One command and the sections it is typed in. ``why`` is ``add``, ``change`` or ``remove``."""

    path: Path
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class Shown:
    """One line of the readable difference: ``sign`` is ``+``, ``-`` or a blank, ``depth`` its section depth."""

    sign: str
    depth: int
    text: str


def diff(running: ConfigNode, intended: ConfigNode, platform: Platform) -> tuple[TypedLine, ...]:
    """Return the commands that turn ``running`` into ``intended``; none when they are the same.

    Raises RackproofError (NET033) for a line that the platform does not know: it is equal to nothing.
    """
    for label, root in (("running", running), ("intended", intended)):
        require_known(label, root, platform)
    level = _Level(running, intended, platform, ())
    return (*level.make(), *level.break_())


def list_typed_lines(commands: Iterable[TypedLine], platform: Platform) -> list[str]:
    """Return the commands as they are typed in configuration mode, with the lines that enter and leave sections."""
    typed: list[str] = []
    here: Path = ()
    for command in commands:
        shared = count_shared(here, command.path)
        typed.extend(leave_sections(here[shared:], platform))
        typed.extend(command.path[shared:])
        typed.append(command.text)
        here = command.path
        if is_opening(command, platform):
            here = (*command.path, command.text)
    typed.extend(leave_sections(here, platform))
    return typed


def show_difference(running: ConfigNode, intended: ConfigNode) -> tuple[Shown, ...]:
    """Return the readable difference: changed lines under the sections they stand in, nothing else."""
    return tuple(walk_difference(running, intended, 0))


class _Level:
    """The difference inside one section (or at the top)."""

    def __init__(
        self, running: ConfigNode, intended: ConfigNode, platform: Platform, path: Path, doomed: tuple[str, ...] = ()
    ) -> None:
        self.old, self.new = running.children, intended.children
        self.platform, self.path = platform, path
        self.doomed = (*doomed, *self._doomed())
        self.freed = self._freed()
        self.swaps = self._swaps()
        self.swapped = set(chain.from_iterable(self.swaps.values()))
        self.old_keys = {key(line, platform): line for line in self.old}
        self.new_keys = {key(line, platform): line for line in self.new}

    def make(self) -> Iterator[TypedLine]:
        """Yield additions and changes, lowest rank first, in the intended order within a rank."""
        for line in sorted(self.new, key=self._rank):
            section = self.platform.section(line)
            if line not in self.old:
                yield from self._put(line)
            if section is not None:
                yield from _Level(self._before(line), self.new[line], self.platform, (*self.path, line)).make()

    def break_(self) -> Iterator[TypedLine]:
        """Yield removals, highest rank first, in reverse order within a rank; what is inside goes first."""
        for line in sorted(self.old, key=self._rank)[::-1]:
            follows = self.new_keys.get(key(line, self.platform), "")
            if follows and self.platform.section(line) is not None:
                before, after = self._before(follows), self.new[follows]
                yield from _Level(before, after, self.platform, (*self.path, follows), self.doomed).break_()
            elif self._is_gone(line):
                yield from self._remove(line)

    def _before(self, line: str) -> ConfigNode:
        """Return what is inside a section when it is entered: one that is typed over keeps its lines."""
        section = self.platform.section(line)
        held = self.old_keys.get(key(line, self.platform), "")
        if section is not None and section.break_first and held != line:
            return ConfigNode(line)
        return self.old.get(held, ConfigNode(line))

    def _put(self, line: str) -> Iterator[TypedLine]:
        held = self.old_keys.get(key(line, self.platform))
        rule = self.platform.section(line) or self.platform.rule(line)
        if rule is not None and rule.break_first:
            broken = [held] if rule.key and held else self.swaps.get(line, [])
            for old in broken:
                yield TypedLine(self.path, undo(old, self.platform), "change")
        if line in self.freed:
            yield TypedLine(self.path, undo(self.freed[line], self.platform), "change")
        action = "add" if held is None else "change"
        yield TypedLine(self.path, line, action)

    def _swaps(self) -> dict[str, list[str]]:
        """Return, per first new value of a many-valued setting, the old values to remove before it is typed."""
        first: dict[str, str] = {}
        for line in self.new:
            rule = self.platform.rule(line)
            if rule is not None and rule.break_first and not rule.key and line not in self.old:
                first.setdefault(rule.line, line)
        if not first:
            return {}
        found: dict[str, list[str]] = {line: [] for line in first.values()}
        for line in self.old:
            rule = self.platform.rule(line)
            if rule is not None and rule.line in first and line not in self.new:
                found[first[rule.line]].append(line)
        return found

    def _freed(self) -> dict[str, str]:
        """Return, per new entry of an ordered list, the old entry to remove just before it is typed.

        FRR ignores, without a word, an entry whose value already stands under another number of the same list.
        """
        freed: dict[str, str] = {}
        values = {read_list_entry(line, self.platform): line for line in self.old}
        now = {key(line, self.platform): line for line in values.values()}
        for line in (line for line in self.new if line not in self.old):
            entry = read_list_entry(line, self.platform)
            if not entry[0]:
                continue
            name = key(line, self.platform)
            clash = values.get(entry)
            if clash is not None and key(clash, self.platform) != name:
                freed[line] = clash
                now.pop(key(clash, self.platform), None)
            replaced = now.get(name)
            if replaced is not None:
                values.pop(read_list_entry(replaced, self.platform), None)
            values[entry] = now[name] = line
        return freed

    def _is_gone(self, line: str) -> bool:
        """Tell whether an old line still has to be removed when everything new has been typed."""
        taken = line in self.swapped or line in self.freed.values()
        return not taken and key(line, self.platform) not in self.new_keys

    def _remove(self, line: str) -> Iterator[TypedLine]:
        section = self.platform.section(line)
        if section is not None and section.permanent:
            yield from _Level(self.old[line], ConfigNode(line), self.platform, (*self.path, line), self.doomed).break_()
        elif not self._goes_with_owner(line):
            yield TypedLine(self.path, undo(line, self.platform), "remove")

    def _goes_with_owner(self, line: str) -> bool:
        if not any(line.startswith(prefix) for prefix in self.doomed):
            return False
        owners = [old for old in self.old if self._owned(old) and line.startswith(self._owned(old))]
        return not owners or line != owners[0]

    def _doomed(self) -> tuple[str, ...]:
        """Return the prefixes of lines that the device removes by itself, because what they belong to goes."""
        kept = {self._owned(line) for line in self.new}
        return tuple({self._owned(line): None for line in self.old if self._owned(line) not in {"", *kept}})

    def _owned(self, line: str) -> str:
        """Return the prefix of the lines that belong to this one, empty for a line that owns nothing."""
        return next(filter(None, (expand(rule.line, rule.of, line) for rule in self.platform.owners)), "")

    def _rank(self, line: str) -> int:
        rule = self.platform.section(line) or self.platform.rule(line)
        if rule is not None:
            return rule.rank
        return 0


def undo(line: str, platform: Platform) -> str:
    """Return what removes a line: the platform's own word for it, or ``no LINE``, or the line without its ``no``."""
    rule = platform.rule(line)
    if rule is not None and rule.undo:
        return expand(rule.line, rule.undo, line)
    if line.startswith("no "):
        return line[3:]
    return f"no {line}"


def read_list_entry(line: str, platform: Platform) -> tuple[str, str]:
    """Return (list, value) for an entry of an ordered list, else two empty texts."""
    rule = platform.rule(line)
    if rule is None or not rule.set:
        return "", ""
    return expand(rule.line, rule.set, line), line.removeprefix(expand(rule.line, rule.key, line))


def count_shared(left: Path, right: Path) -> int:
    """Return how many sections two places have in common, from the top."""
    count = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        count += 1
    return count


def leave_sections(path: Path, platform: Platform) -> Iterator[str]:
    """Yield what is typed to leave some sections, the innermost first."""
    for line in reversed(path):
        section: SectionRule | None = platform.section(line)
        yield section.leave if section is not None else "exit"


def is_opening(command: TypedLine, platform: Platform) -> bool:
    """Tell whether a command, once typed, leaves the session inside a section."""
    return not command.text.startswith("no ") and platform.section(command.text) is not None


def walk_difference(running: ConfigNode, intended: ConfigNode, depth: int) -> Iterator[Shown]:
    """Yield the changed lines of a section, each under the sections it stands in; ``depth`` is how deep they are."""
    for line, node in running.children.items():
        if line not in intended.children:
            yield Shown("-", depth, line)
            yield from (Shown("-", depth + 1 + len(path), text) for path, text in walk(node))
    for line, node in intended.children.items():
        if line not in running.children:
            yield Shown("+", depth, line)
            yield from (Shown("+", depth + 1 + len(path), text) for path, text in walk(node))
        else:
            inside = tuple(walk_difference(running.children[line], node, depth + 1))
            if inside:
                yield Shown(" ", depth, line)
                yield from inside
