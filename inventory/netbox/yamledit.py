"""Changing single values of an estate file: every byte that is not the value stays, comments and layout included.

The parser says where each node begins and ends; the text is spliced there. Writing the whole file anew, as a round-trip
YAML library does, would re-fold long texts and re-indent what was written in another style.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from inventory.source.layers import IDENTITY, fill
from inventory.source.positions import Positioned

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NOWHERE = Positioned(Path(), {}, {})
Facts = Mapping[str, Any]


def put(text: str, base: Sequence[str | int], keys: Sequence[str], value: Any, facts: Facts) -> str:
    """Return a file's text with one value set or added.

    ``base`` is where the site is in the file, ``keys`` the path in the site with items named by their identity
    (``devices``, ``core1``, ``asset``, ``serial``); ``facts`` fill placeholders in identities. What is missing on the
    way is added at the end of what is there, in its style.
    """
    node = _node(text, base)
    holder = ""
    for depth, key in enumerate(keys):
        found = _child(node, key, holder, facts)
        if found is None:
            return _add(text, node, _built(keys[depth:], value, holder))
        node, holder = found, key
    return text[: node.start_mark.index] + flow(value) + text[_end(node) :]


def append(text: str, keys: Sequence[str], item: Any) -> str:
    """Return a file's text with an item added to the list at ``keys``."""
    return _add(text, _node(text, keys), item)


def _node(text: str, path: Sequence[str | int]) -> Any:
    """Return the node at a path of the file that is there; nodes are not typed well enough to be told apart."""
    node: Any = yaml.compose(text, Loader=_LOADER)
    for key in path:
        node = _child(node, key, "", {}) if isinstance(key, str) else node.value[key]
    return node


def _child(node: Any, key: str, holder: str, facts: Facts) -> Any:
    if isinstance(node, yaml.MappingNode):
        return next((value for name, value in node.value if name.value == key), None)
    if isinstance(node, yaml.SequenceNode) and holder in IDENTITY:
        for item in node.value:
            own = _child(item, IDENTITY[holder], "", facts)
            if own is not None and str(fill(own.value, facts, _NOWHERE, ())) == key:
                return item
    return None


def _built(keys: Sequence[str], value: Any, holder: str) -> Any:
    """Return what has to stand at a place for ``keys`` to lead to the value: a mapping's part, or a list's item."""
    if holder in IDENTITY:
        inner = _built(keys[1:], value, "") if len(keys) > 1 else value
        return {IDENTITY[holder]: keys[0], **inner}
    if len(keys) == 1:
        return {keys[0]: value}
    below = _built(keys[1:], value, keys[0])
    if keys[0] in IDENTITY:
        below = [below]
    return {keys[0]: below}


def _add(text: str, node: Any, addition: Any) -> str:
    """Add to a mapping or a list: inside its brackets when it has some, else on a line below its last one."""
    if isinstance(node, yaml.MappingNode):
        parts = [f"{flow(key)}: {flow(value)}" for key, value in addition.items()]
    else:
        parts = [flow(addition)]
    if node.flow_style:
        closing = node.end_mark.index - 1
        before = text[:closing].rstrip(" ")
        comma = "" if not node.value or before.rstrip().endswith(",") else ", "
        return before + comma + ", ".join(parts) + text[len(before) :]
    end = text.find("\n", _end(node))
    if end < 0:
        end = len(text)
    dash = "- " if isinstance(node, yaml.SequenceNode) else ""
    lines = "".join(f"\n{' ' * node.start_mark.column}{dash}{part}" for part in parts)
    return text[:end] + lines + text[end:]


def _end(node: Any) -> int:
    """Return where a node's own text ends; the parser's mark of a block is where the next thing begins."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
        return _end(node.value[-1][1])
    if isinstance(node, yaml.SequenceNode) and not node.flow_style and node.value:
        return _end(node.value[-1])
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
        return int(node.end_mark.index) - 1  # the line break before the mark is still the scalar's
    return int(node.end_mark.index)


def flow(value: Any) -> str:
    """Return a value as YAML on one line."""
    made = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=float("inf"), sort_keys=False)
    return str(made).removesuffix("\n").removesuffix("\n...")
