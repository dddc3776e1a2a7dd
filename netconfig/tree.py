"""A configuration as a tree of lines, each in one spelling, so that only differences that matter are differences."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from netconfig.platform import Platform

#: What follows these words is free text and keeps its spelling.
FREE_TEXT = ("description",)


@dataclass(slots=True)
class Node:
    """One line and the lines inside it, in the device's order, which does not count when two nodes are compared."""

    line: str
    children: dict[str, Node] = field(default_factory=dict)

    def add(self, line: str) -> Node:
        """Return the child with this line, made if it is not there."""
        return self.children.setdefault(line, Node(line))


def parse(text: str, platform: Platform, keep_empty: bool = False) -> Node:
    """Parse a configuration by indentation; the device's decoration is left out.

    So are empty permanent sections, which say nothing, unless ``keep_empty``.
    """
    root = Node("")
    stack: list[tuple[int, Node]] = [(-1, root)]
    for raw in text.replace("\r", "").split("\n"):
        line = spelling(raw)
        if platform.is_noise(line):
            continue
        depth = len(raw) - len(raw.lstrip())
        while stack[-1][0] >= depth:
            stack.pop()
        stack.append((depth, stack[-1][1].add(line)))
    if not keep_empty:
        _drop_empty(root, platform)
    return root


def _drop_empty(node: Node, platform: Platform) -> None:
    for line, child in list(node.children.items()):
        _drop_empty(child, platform)
        rule = platform.section(line)
        if rule is not None and rule.permanent and not child.children:
            del node.children[line]


def spelling(line: str) -> str:
    """Return a line in its one spelling: single blanks, addresses as RFC 5952 writes them."""
    words = line.split()
    for index, word in enumerate(words):
        if word in FREE_TEXT:
            break
        if ":" in word:
            words[index] = _address(word)
    return " ".join(words)


def _address(word: str) -> str:
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
    return match.expand(template) if match else ""


def walk(node: Node, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield every line with the sections it stands in, in order."""
    for line, child in node.children.items():
        yield path, line
        yield from walk(child, (*path, line))
