"""Man pages of every verb (man-pages(7), groff's ``man`` macros), made from the help that the verbs give."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from core.files import write_set
from core.i18n import _
from core.lazy_cli import first_sentence
from core.topics import list_exit_codes
from core.version import read_version


def write_pages(house: Any, folder: Path) -> list[Path]:
    """Write ``rackproof.1``, ``rackproof-net.1``, ``rackproof-net-plan.1`` … into a folder and return them."""
    contexts = walk_commands(house)
    pages = {folder / f"{name_page(context)}.1": make_page(context) for context in contexts}
    write_set(pages)
    return list(pages)


def walk_commands(house: Any) -> Iterator[Any]:
    """Yield a context for the front door, every room and every verb."""
    yield from _walk(typer.Context(house, info_name="rackproof"))


def name_page(context: Any) -> str:
    """Return the name of a command's page: its words joined by hyphens."""
    return "-".join(context.command_path.split())


def make_page(context: Any) -> str:
    """Return the page of one command as roff."""
    command = context.command
    name = name_page(context)
    paragraphs = (command.help or "").replace("\b\n", "").split("\n\n")
    usage = " ".join(command.collect_usage_pieces(context))
    lines = [
        f'.TH {quote_roff(name.upper())} 1 "" "Rackproof {read_version()}"',
        f".SH {_('NAME')}",
        f"{quote_roff(name)} \\- {quote_roff(first_sentence(paragraphs[0]))}",
        f".SH {_('SYNOPSIS')}",
        f".B {quote_roff(context.command_path)}",
        quote_roff(usage),
        f".SH {_('DESCRIPTION')}",
    ]
    for paragraph in paragraphs:
        lines += [".PP", quote_roff(paragraph)]
    lines.append(f".SH {_('OPTIONS')}")
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            lines += [".TP", f".B {quote_roff(record[0])}", quote_roff(record[1] or "\\&")]
    lines += [f".SH {_('EXIT STATUS')}", ".nf", quote_roff(list_exit_codes()), ".fi"]
    related = [name_page(child) for child in _children(context)]
    if context.parent is not None:
        related.insert(0, name_page(context.parent))
    lines += [f".SH {_('SEE ALSO')}", ", ".join(f"{quote_roff(item)}(1)" for item in related)]
    return "\n".join(lines) + "\n"


def quote_roff(text: str) -> str:
    """Return a text that roff prints as it is: backslashes, hyphens and lines that begin like a request."""
    quoted = text.replace("\\", "\\e").replace("-", "\\-")
    lines = quoted.split("\n")
    return "\n".join(f"\\&{line}" if line.startswith((".", "'")) else line for line in lines)


def _walk(context: Any) -> Iterator[Any]:
    yield context
    for child in _children(context):
        yield from _walk(child)


def _children(context: Any) -> list[Any]:
    list_commands = getattr(context.command, "list_commands", None)
    names: list[str] = list_commands(context) if list_commands else []
    commands = [(name, context.command.get_command(context, name)) for name in names]
    return [typer.Context(command, parent=context, info_name=name) for name, command in commands]
