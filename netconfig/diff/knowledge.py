"""What a platform knows of a configuration, and what is therefore refused: unknown lines, doubled settings, host bits.

Nobody can say of an unknown line whether it takes one value or many, what removes it, or what hangs on it. So it is
never equal to anything, never typed and never typed over: a plan that meets one is refused with the line and with
what to add to the platform's data.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from core.errors import RackproofError
from core.i18n import ngettext
from netconfig.diff.tree import ConfigNode, key
from netconfig.platforms.platform import Platform, find_platform_file
from netconfig.platforms.redaction import hide

Path = tuple[str, ...]
#: An error names at most so many lines; the rest are counted.
LISTED = 8


def find_unknown(root: ConfigNode, platform: Platform, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield the lines that the platform does not know, with their sections; what is inside one is not yielded."""
    for line, node in root.children.items():
        if platform.knows(path, line):
            yield from find_unknown(node, platform, (*path, line))
        else:
            yield path, line


def require_known(device: str, root: ConfigNode, platform: Platform) -> None:
    """Refuse a configuration with a line that the platform does not know. Raises RackproofError (NET033)."""
    unknown = list(find_unknown(root, platform))
    if not unknown:
        return
    lines = [show_line(path, line) for path, line in unknown]
    raise RackproofError(
        "NET033",
        actual=list_lines(lines),
        device=device,
        platform=platform.name,
        file=find_platform_file(platform.name),
    )


def show_line(path: Path, line: str) -> str:
    """Return a line with the sections it stands in, ``router bgp 65000 / neighbor A activate``; secrets are hidden."""
    return hide(" / ".join((*path, line)))


def list_lines(lines: list[str]) -> str:
    """Return lines for people, the first few of many."""
    shown = "; ".join(lines[:LISTED])
    more = len(lines) - LISTED
    if more <= 0:
        return shown
    return shown + " " + ngettext("and {n} more", "and {n} more", more).format(n=more)


def find_doubled(root: ConfigNode, platform: Platform, path: Path = ()) -> Iterator[tuple[Path, str, str]]:
    """Yield pairs of lines that give one setting two values, with their sections: which one counts is chance."""
    first: dict[str, str] = {}
    for line, node in root.children.items():
        name = key(line, platform)
        if name in first:
            yield path, first[name], line
        first.setdefault(name, line)
        yield from find_doubled(node, platform, (*path, line))


def correct_address(line: str, platform: Platform) -> str:
    """Return how a prefix or an address in a line should be written; empty when nothing is wrong with it.

    A prefix has no host bits: a device that gets some drops them, and the line is never again what was typed.
    """
    rule = platform.rule(line)
    match = re.fullmatch(rule.line, line) if rule is not None else None
    groups = match.groupdict() if match else {}
    try:
        if groups.get("net"):
            written = ipaddress.ip_network(groups["net"], strict=False)
            if str(written) == groups["net"]:
                return ""
            return str(written)
        if groups.get("address"):
            ipaddress.ip_interface(groups["address"])
    except ValueError as error:
        return str(error)
    return ""
