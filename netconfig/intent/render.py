"""The intended configuration of a router: one template per feature, merged and written as the device writes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from core.files import write_set
from inventory.model.estate import Estate
from netconfig.diff.tree import ConfigNode, parse
from netconfig.intent.design import BackboneTimers, design_router, require_managed
from netconfig.platforms.platform import FOLDER, Platform, load


def render(estate: Estate, device: str, features: Sequence[str] | None = None) -> str:
    """Return a router's configuration in the device's own form; ``features`` limits it to some templates.

    Raises RackproofError (NET010) for a device that is none of the estate's routers.
    """
    return write_tree(render_intended(estate, device, features), find_platform(estate, device))


def render_intended(estate: Estate, device: str, features: Sequence[str] | None = None) -> ConfigNode:
    """Return the intended configuration as a tree."""
    design = design_router(estate, device)
    platform = find_platform(estate, device)
    environment = make_environment(platform.name)
    chosen = platform.features if features is None else [name for name in platform.features if name in features]
    parts = [environment.get_template(f"{name}.j2").render(router=design, design=BackboneTimers()) for name in chosen]
    return parse("\n".join(parts), platform)


def find_platform(estate: Estate, device: str) -> Platform:
    """Return the platform of a device."""
    return load(require_managed(estate, device).platform or "")


def write_tree(root: ConfigNode, platform: Platform) -> str:
    """Write a tree as the device would: its order of sections, each closed, with a comment sign between them."""
    blocks: list[str] = []
    previous = ""
    for line in sorted(root.children, key=platform.place):
        kind = platform.kind(line)
        if blocks and (kind != previous or platform.section(line) is not None):
            blocks.append("!")
        blocks.extend(list_lines(root.children[line], platform, 0))
        previous = kind
    return "\n".join([*blocks, "!", "end"]) + "\n"


def write_files(folder: Path, texts: Mapping[str, str]) -> list[Path]:
    """Write one file per router into ``folder``, all of them whole or none, and return them in order.

    Raises RackproofError (FIL001 to FIL003), with the file's name, when the folder takes nothing.
    """
    files = {folder / f"{name}.conf": text for name, text in texts.items()}
    write_set(files)
    return list(files)


def list_lines(node: ConfigNode, platform: Platform, depth: int) -> Iterator[str]:
    """Yield the lines of a section as the device shows them, indented, each section closed."""
    pad = " " * depth * platform.indent
    section = platform.section(node.line)
    if section is not None and depth:
        yield f"{pad}!"
    yield f"{pad}{node.line}"
    for child in node.children.values():
        yield from list_lines(child, platform, depth + 1)
    if section is not None:
        yield f"{pad}{section.leave}"


@lru_cache(maxsize=16)
def make_environment(platform: str) -> Environment:
    """Return the environment of Jinja for the templates of a platform."""
    # Plain text for devices, not HTML: escaping would corrupt it.
    return Environment(
        loader=FileSystemLoader(FOLDER / platform / "templates"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
