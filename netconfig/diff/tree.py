"""A configuration as a tree of lines, each in one spelling, so that only differences that matter are differences."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from netconfig.platforms.platform import Platform

#: What follows these words is free text and keeps its spelling.
FREE_TEXT = ("description",)


@dataclass(slots=True)
class ConfigNode:
    """One line and the lines inside it, in the device's order, which does not count when two nodes are compared."""

    line: str
    children: dict[str, ConfigNode] = field(default_factory=dict)

    def add(self, line: str) -> ConfigNode:
        """Return the child with this line, made if it is not there."""
        return self.children.setdefault(line, ConfigNode(line))


@dataclass(frozen=True, slots=True)
class WrittenLine:
    """One line as it is written: its number in the text (0-based), the sections it stands in, its one spelling."""

    number: int
    path: tuple[str, ...]
    line: str


def read_lines(text: str, platform: Platform) -> Iterator[WrittenLine]:
    """Yield the lines of a configuration with their sections, by indentation; the device's decoration is left out."""
    stack: list[tuple[int, str]] = []
    for number, raw in enumerate(text.replace("\r", "").split("\n")):
        line = spell_line(raw)
        if platform.is_noise(line):
            continue
        depth = len(raw) - len(raw.lstrip())
        while stack and stack[-1][0] >= depth:
            stack.pop()
        yield WrittenLine(number, tuple(above for _, above in stack), line)
        stack.append((depth, line))


def parse(text: str, platform: Platform, keep_empty: bool = False) -> ConfigNode:
    """Parse a configuration by indentation; the device's decoration is left out.

    So are empty permanent sections, which say nothing, unless ``keep_empty``.
    """
    root = ConfigNode("")
    for written in read_lines(text, platform):
        node = root
        for line in written.path:
            node = node.children[line]
        node.add(written.line)
    if not keep_empty:
        drop_empty_sections(root, platform)
    return root


def drop_empty_sections(node: ConfigNode, platform: Platform) -> None:
    """Take out the sections that are always there and hold nothing: they say nothing."""
    for line, child in list(node.children.items()):
        drop_empty_sections(child, platform)
        rule = platform.section(line)
        if rule is not None and rule.permanent and not child.children:
            del node.children[line]


def spell_line(line: str) -> str:
    """Return a line in its one spelling: single blanks, addresses as RFC 5952 writes them."""
    words = line.split()
    for index, word in enumerate(words):
        if word in FREE_TEXT:
            break
        if ":" in word:
            words[index] = spell_address(word)
    return " ".join(words)


def spell_address(word: str) -> str:
    """Return an IPv6 address in its one spelling; any other word as it is."""
    try:
        if "/" not in word:
            return str(ipaddress.IPv6Address(word))
        return str(ipaddress.IPv6Interface(word))
    except ValueError:
        return word


def key(line: str, platform: Platform) -> str:
    """Return the name of the setting a line gives a value to; ``no X`` and ``X`` are two values of one setting."""
    section = platform.section(line)
    rule = platform.rule(line)
    for found in (section, rule):
        if found is not None and found.key:
            return expand(found.line, found.key, line)
    return line.removeprefix("no ")


def expand(pattern: str, template: str, line: str) -> str:
    """Fill a rule's template from the groups its pattern found in a line; empty when the pattern does not fit."""
    match = re.fullmatch(pattern, line)
    if match:
        return match.expand(template)
    return ""


def walk(node: ConfigNode, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield every line with the sections it stands in, in order."""
    for line, child in node.children.items():
        yield path, line
        yield from walk(child, (*path, line))
