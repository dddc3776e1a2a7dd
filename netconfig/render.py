"""The intended configuration of a router: one template per feature, merged and written as the device writes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from inventory.estate import Estate
from netconfig.design import Design, require_managed, router
from netconfig.platform import FOLDER, Platform, load
from netconfig.tree import Node, parse


def render(estate: Estate, device: str, features: Sequence[str] | None = None) -> str:
    """Return a router's configuration in the device's own form; ``features`` limits it to some templates.

    Raises RackproofError (NET010) for a device that is none of the estate's routers.
    """
    return text(intended(estate, device, features), platform_of(estate, device))


def intended(estate: Estate, device: str, features: Sequence[str] | None = None) -> Node:
    """Return the intended configuration as a tree."""
    design = router(estate, device)
    platform = platform_of(estate, device)
    environment = _environment(platform.name)
    chosen = platform.features if features is None else [name for name in platform.features if name in features]
    parts = [environment.get_template(f"{name}.j2").render(router=design, design=Design()) for name in chosen]
    return parse("\n".join(parts), platform)


def platform_of(estate: Estate, device: str) -> Platform:
    """Return the platform of a device."""
    return load(require_managed(estate, device).platform or "")


def text(root: Node, platform: Platform) -> str:
    """Write a tree as the device would: its order of sections, each closed, with a comment sign between them."""
    blocks: list[str] = []
    previous = ""
    for line in sorted(root.children, key=platform.place):
        kind = platform.kind(line)
        if blocks and (kind != previous or platform.section(line) is not None):
            blocks.append("!")
        blocks.extend(_lines(root.children[line], platform, 0))
        previous = kind
    return "\n".join([*blocks, "!", "end"]) + "\n"


def _lines(node: Node, platform: Platform, depth: int) -> Iterator[str]:
    pad = " " * depth * platform.indent
    section = platform.section(node.line)
    if section is not None and depth:
        yield f"{pad}!"
    yield f"{pad}{node.line}"
    for child in node.children.values():
        yield from _lines(child, platform, depth + 1)
    if section is not None:
        yield f"{pad}{section.leave}"


@lru_cache(maxsize=16)
def _environment(platform: str) -> Environment:
    # Plain text for devices, not HTML: escaping would corrupt it.
    return Environment(
        loader=FileSystemLoader(FOLDER / platform / "templates"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
